import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configChanges, loadConfig, reloadableKeys, sameValue, withRunningKeys } from '../../../src/config/index.ts';
import { sections } from '../../../src/config/schema.ts';

const load = (text: string) => loadConfig(text, 'a');

test('each key that differs is told as it stands in TOML, and secrets are not shown', () => {
  const before = load('[server]\nmax_connections = 1000\n[proxy]\nsig_key = "one"\n[control]\nbasic = ["a:b"]\n');
  const after = load('[server]\nmax_connections = 2000\nlisten = ["80", "unix:a"]\n[proxy]\nsig_key = "two"\n');
  assert.deepEqual(configChanges(before, after), [
    { key: 'server.listen', from: '[ "7999" ]', to: '[ "80", "unix:a" ]' },
    { key: 'server.max_connections', from: '1000', to: '2000' },
    { key: 'control.basic', from: null, to: null },
    { key: 'proxy.sig_key', from: null, to: null },
  ]);
  assert.deepEqual(configChanges(after, after), []);
});

test('a long value is cut', () => {
  const after = load(`[control]\norigins = [${Array.from({ length: 50 }, (_, i) => `"https://h${i}.example"`)}]\n`);
  const [change] = configChanges(load(''), after);
  assert.equal(change?.to?.length, 101);
});

test('keys that need a restart keep the values that they have', () => {
  const running = load('[server]\nmax_connections = 1000\nworkers = 2\n[edge]\nbuffer_size = 2048\n');
  const next = load(
    '[server]\nmax_connections = 2000\nworkers = 3\n[edge]\nbuffer_size = 4096\nreq_timeout = 7\n[access_log]\nto = "/x"\n',
  );
  const { server, edge, accessLog } = withRunningKeys(running, next);
  assert.deepEqual([server.maxConnections, server.workers], [2000, 2]);
  assert.deepEqual([edge.bufferSize, edge.reqTimeout, accessLog.to], [2048, 7, '/x']);
});

test('the collector of spans stays until a restart, and how many go there changes', () => {
  const running = load('[trace]\notlp = "http://127.0.0.1:1"\nsample = 0.5\nservice_name = "a"\n');
  const next = load('[trace]\notlp = "http://127.0.0.1:2"\nsample = 1\nservice_name = "b"\nheaders = ["A: b"]\n');
  const { trace } = withRunningKeys(running, next);
  assert.deepEqual([trace.otlp, trace.sample, trace.serviceName, trace.headers], ['http://127.0.0.1:1', 1, 'a', []]);
});

test('each key that a reload can change is a key of the schema', () => {
  const all = Object.entries(sections).flatMap(([name, { shape }]) =>
    Object.keys(shape).map((key) => `${name}.${key}`),
  );
  assert.deepEqual(
    reloadableKeys().filter((key) => !all.includes(key)),
    [],
  );
});

test('values are the same if all their parts are', () => {
  const value = () => ({ a: [1, { b: null }], c: 'x', d: undefined });
  assert.ok(sameValue(value(), value()));
  for (const other of [{ ...value(), c: 'y' }, { ...value(), e: 1 }, { a: [1], c: 'x', d: undefined }, [1], null, 1])
    assert.equal(sameValue(value(), other), false);
  assert.equal(sameValue([1, 2], [1]), false);
  assert.equal(sameValue({ a: 1 }, { b: 1 }), false);
});
