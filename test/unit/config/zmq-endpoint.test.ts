import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatFetchEndpoints,
  parseFetchEndpoints,
  parseStreamBase,
  parseZmqEndpoint,
  streamEndpoints,
} from '../../../src/config/zmq-endpoint.ts';

test('an ipc base stands for three paths', () => {
  assert.deepEqual(streamEndpoints('ipc://client'), {
    out: 'ipc://client-out',
    outStream: 'ipc://client-out-stream',
    in: 'ipc://client-in',
  });
  assert.equal(streamEndpoints('ipc:///run/a b:1').in, 'ipc:///run/a b:1-in');
  assert.equal(streamEndpoints('ipc://@name').out, 'ipc://@name-out');
});

test('a tcp base stands for its port and the next two', () => {
  assert.deepEqual(streamEndpoints('tcp://127.0.0.1:5000'), {
    out: 'tcp://127.0.0.1:5000',
    outStream: 'tcp://127.0.0.1:5001',
    in: 'tcp://127.0.0.1:5002',
  });
  assert.equal(streamEndpoints('tcp://[::1]:65533').in, 'tcp://[::1]:65535');
  assert.equal(streamEndpoints('tcp://*:1').outStream, 'tcp://*:2');
});

test('a base of any other kind is refused', () => {
  const cases: [string, RegExp][] = [
    ['', /^expected "ipc:\/\/PATH" or "tcp:\/\/HOST:PORT", with PORT up to 65533, got ""$/],
    ['client', /^expected .*, got "client"$/],
    ['inproc://a', /^expected .*, got "inproc:\/\/a"$/],
    ['ipc://', /^expected .*, got "ipc:\/\/"$/],
    ['ipc:x', /^expected .*, got "ipc:x"$/],
    ['tcp://127.0.0.1', /^expected .*, got "tcp:\/\/127.0.0.1"$/],
    ['tcp://[::1]', /^expected .*, got "tcp:\/\/\[::1\]"$/],
    ['tcp://:5000', /^expected .*, got "tcp:\/\/:5000"$/],
    ['tcp://a:5000/', /^expected .*, got "tcp:\/\/a:5000\/"$/],
    ['tcp://a:', /^"" is not a port/],
    ['tcp://a:*', /^"\*" is not a port/],
    ['tcp://a:5e3', /^"5e3" is not a port/],
    ['tcp://a:0', /^a base needs a fixed port, got "tcp:\/\/a:0"$/],
    ['tcp://a:65534', /^the port of "tcp:\/\/a:65534" must be at most 65533, to leave room for the next two$/],
    ['tcp://a:65536', /^"65536" is not a port/],
    ['ipc://a\nb', /^an endpoint must not contain control characters$/],
  ];
  for (const [base, message] of cases) assert.throws(() => streamEndpoints(base), { name: 'ConfigError', message });
});

test('a valid base is kept as it is, and another one is refused', () => {
  assert.equal(parseStreamBase('tcp://a:65533'), 'tcp://a:65533');
  assert.throws(() => parseStreamBase('tcp://a:65534'), /at most 65533/);
});

test('an endpoint for req mode is kept as it is, with any port', () => {
  for (const endpoint of ['ipc://client', 'ipc:///run/a', 'tcp://127.0.0.1:0', 'tcp://*:65535', 'tcp://[::1]:1']) {
    assert.equal(parseZmqEndpoint(endpoint), endpoint);
  }
});

test('an endpoint of another transport, without path or port, is refused', () => {
  for (const endpoint of ['', 'a', 'ipc://', 'inproc://a', 'tcp://a', 'tcp://a:1/', 'tcp://a b:1']) {
    assert.throws(
      () => parseZmqEndpoint(endpoint),
      /^ConfigError: expected "ipc:\/\/PATH" or "tcp:\/\/HOST:PORT", got/,
    );
  }
  assert.throws(
    () => parseZmqEndpoint('tcp://a:65536'),
    /"65536" is not a port: expected a whole number from 0 to 65535$/,
  );
});

for (const [text, first, inStream, out] of [
  ['ipc://z', 'ipc://z-in', 'ipc://z-in-stream', 'ipc://z-out'],
  ['tcp://127.0.0.1:65533', 'tcp://127.0.0.1:65533', 'tcp://127.0.0.1:65534', 'tcp://127.0.0.1:65535'],
  ['ipc://a ipc://b ipc://c', 'ipc://a', 'ipc://b', 'ipc://c'],
  ['ipc://a-in ipc://b ipc://a-out', 'ipc://a-in', 'ipc://b', 'ipc://a-out'],
  ['tcp://h:1 tcp://h:3 tcp://h:2', 'tcp://h:1', 'tcp://h:3', 'tcp://h:2'],
  ['tcp://h:65534 ipc://b ipc://c', 'tcp://h:65534', 'ipc://b', 'ipc://c'],
  ['tcp://h:0 ipc://b ipc://c', 'tcp://h:0', 'ipc://b', 'ipc://c'],
] as const) {
  test(`${text} in [fetch] stands for ${first}, ${inStream} and ${out}, and is formatted the same again`, () => {
    assert.deepEqual(parseFetchEndpoints(text), { in: first, inStream, out });
    assert.equal(formatFetchEndpoints({ in: first, inStream, out }), text);
  });
}

test('three endpoints of [fetch] that form a base are formatted as the base', () => {
  const endpoints = parseFetchEndpoints('ipc://z-in  ipc://z-in-stream   ipc://z-out');
  assert.equal(formatFetchEndpoints(endpoints), 'ipc://z');
});

test('two or four endpoints of [fetch] are refused, and so is one invalid among three', () => {
  assert.throws(() => parseFetchEndpoints('ipc://a ipc://b'), /or three endpoints "IN IN-STREAM OUT"/);
  assert.throws(() => parseFetchEndpoints('ipc://a ipc://b ipc://c ipc://d'), /or three endpoints/);
  assert.throws(() => parseFetchEndpoints('ipc://a ipc://b inproc://c'), /got "inproc:\/\/c"/);
  assert.throws(() => parseFetchEndpoints('tcp://h:65534'), /at most 65533/);
});
