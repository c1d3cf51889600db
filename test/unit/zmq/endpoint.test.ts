import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasAbstractNames } from '../../../src/zmq/endpoint.ts';
import { parseEndpoint, ZmqError } from '../../../src/zmq/index.ts';

const ABSTRACT = hasAbstractNames(process.platform, process.versions.uv);

function refused(text: string, use: 'bind' | 'connect', message: RegExp): void {
  assert.throws(
    () => parseEndpoint(text, use),
    (error) => error instanceof ZmqError && error.kind === 'endpoint' && message.test(error.message),
    text,
  );
}

test('TCP endpoints have a name or an address, and a port', () => {
  assert.deepEqual(parseEndpoint('tcp://127.0.0.1:5560', 'connect'), { kind: 'tcp', host: '127.0.0.1', port: 5560 });
  assert.deepEqual(parseEndpoint('tcp://my-host.example:1', 'bind'), { kind: 'tcp', host: 'my-host.example', port: 1 });
});

test('an IPv6 address is in brackets', () => {
  assert.deepEqual(parseEndpoint('tcp://[::1]:5560', 'connect'), { kind: 'tcp', host: '::1', port: 5560 });
  refused('tcp://::1:5560', 'connect', /expected/);
  refused('tcp://[localhost]:1', 'connect', /not an IPv6 address/);
});

test('an asterisk binds all interfaces, or any free port', () => {
  assert.deepEqual(parseEndpoint('tcp://*:5560', 'bind'), { kind: 'tcp', host: null, port: 5560 });
  assert.deepEqual(parseEndpoint('tcp://127.0.0.1:*', 'bind'), { kind: 'tcp', host: '127.0.0.1', port: 0 });
  assert.deepEqual(parseEndpoint('tcp://127.0.0.1:0', 'bind'), { kind: 'tcp', host: '127.0.0.1', port: 0 });
});

test('connect needs a host and a port', () => {
  refused('tcp://*:5560', 'connect', /missing host/);
  refused('tcp://127.0.0.1:*', 'connect', /missing port/);
  refused('tcp://127.0.0.1:0', 'connect', /missing port/);
});

test('an ipc path is taken as it is, relative or absolute', () => {
  assert.deepEqual(parseEndpoint('ipc://client', 'bind'), { kind: 'ipc', path: 'client' });
  assert.deepEqual(parseEndpoint('ipc:///run/x', 'connect'), { kind: 'ipc', path: '/run/x' });
});

test('an ipc path has a length that the system can take', () => {
  assert.equal(parseEndpoint(`ipc://${'x'.repeat(107)}`, 'bind').kind, 'ipc');
  refused(`ipc://${'x'.repeat(108)}`, 'bind', /at most 107 bytes/);
  refused(`ipc://${'\u00e4'.repeat(54)}`, 'bind', /at most 107 bytes/);
  refused('ipc://', 'bind', /missing path/);
  refused('ipc://a\0b', 'bind', /missing path/);
  refused('ipc://@', 'bind', /missing name/);
});

test('an abstract name begins with a zero byte, or the error says what it needs', () => {
  if (ABSTRACT) assert.deepEqual(parseEndpoint('ipc://@x', 'bind'), { kind: 'ipc', path: '\0x' });
  else assert.throws(() => parseEndpoint('ipc://@x', 'bind'), { kind: 'unsupported', message: /libuv 1\.48/ });
});

test('abstract names need Linux and libuv 1.48', () => {
  assert.equal(hasAbstractNames('linux', '1.48.0'), true);
  assert.equal(hasAbstractNames('linux', '2.0.0'), true);
  assert.equal(hasAbstractNames('linux', '1.46.0'), false);
  assert.equal(hasAbstractNames('darwin', '1.51.0'), false);
});

test('anything else is refused', () => {
  for (const text of ['', 'tcp://', 'tcp://a', 'tcp://a:b', 'tcp://:1', 'tcp://a b:1', 'udp://a:1', 'tcp://a:1/x']) {
    refused(text, 'bind', /expected/);
  }
  refused('tcp://a:65536', 'bind', /at most 65535/);
});
