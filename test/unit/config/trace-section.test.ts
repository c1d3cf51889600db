import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatConfig, loadConfig } from '../../../src/config/index.ts';

const load = (lines: string) => loadConfig(`[trace]\n${lines}\n`, 'a.toml');

test('without the section there are no traces', () => {
  const { trace } = loadConfig('', '');
  assert.deepEqual(trace, {
    propagate: false,
    otlp: '',
    headers: [],
    sample: 0.1,
    accept: true,
    serviceName: 'holdfast',
  });
});

for (const otlp of ['http://127.0.0.1:4318', 'https://otlp.example.com/v1/traces', 'http://[::1]:4318/']) {
  test(`${otlp} may be a collector`, () => assert.equal(load(`otlp = "${otlp}"`).trace.otlp, otlp));
}

for (const otlp of [
  'localhost:4318',
  'grpc://localhost:4317',
  'http://',
  'http://user:password@localhost:4318',
  'http://localhost:4318/?key=1',
  'http://localhost:4318/#x',
  'http://local host:4318',
  'http://localhost:99999',
]) {
  test(`${otlp} is no collector`, () => {
    assert.throws(() => load(`otlp = "${otlp}"`), /^ConfigError: a\.toml:2: trace\.otlp: expected a URL such as/);
  });
}

for (const field of ['no-colon', 'bad name: x', 'name:', 'name: a\\nb', ': x']) {
  test(`"${field}" is no header field`, () => {
    assert.throws(
      () => load(`headers = ["${field}"]`),
      /^ConfigError: a\.toml:2: trace\.headers\[0\]: expected a list of/,
    );
  });
}

test('a share is from 0 to 1', () => {
  for (const sample of ['1.1', '-0.1', '"half"']) assert.throws(() => load(`sample = ${sample}`), /trace\.sample/);
});

test('fields for the collector are secrets', () => {
  const text = formatConfig(load('headers = ["api-key: 12345"]'), { mask: true });
  assert.doesNotMatch(text, /12345/);
  assert.match(text, /^# headers is set, and not shown$/m);
});
