import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, loadConfig } from '../../../src/config/index.ts';

const NODE = '[server]\nlisten = ["7999"]\n';

const WRONG: readonly (readonly [toml: string, problem: RegExp])[] = [
  [
    '[server]\nlisten = []\n[edge]\nlisten = ["7999"]\n[cluster]\nnats = ["nats://127.0.0.1:4222"]',
    /cluster\.nats: has no effect: no client could connect/,
  ],
  [`${NODE}[cluster]\nnats = "nats://127.0.0.1:4222"`, /cluster\.nats: expected a list of URLs/],
  [`${NODE}[cluster]\nnats = ["127.0.0.1:4222"]`, /cluster\.nats.*expected a list of URLs/],
  [`${NODE}[cluster]\nnats = ["nats://user:secret@127.0.0.1:4222"]`, /cluster\.nats.*expected a list of URLs/],
  [`${NODE}[cluster]\nprefix = "a b"`, /cluster\.prefix: expected up to 64 letters/],
  ...['a.f', 'a.h.b', 'n.n', 'a.b.s'].map(
    (prefix) =>
      [`${NODE}[cluster]\nprefix = "${prefix}"`, /cluster\.prefix: expected .*none of "f", "h", "n" and "s"/] as const,
  ),
  [`${NODE}[cluster]\nuser = "a"\npassword = "b"\ntoken = "c"`, /only one of `user`, `token` and `credentials`/],
  [`${NODE}[cluster]\nuser = "a"`, /cluster\.password: is needed with `user`/],
  [`${NODE}[cluster]\ncert = "/a"`, /cluster\.key: is needed with `cert`/],
  [`${NODE}[cluster]\nca = "a.pem"`, /cluster\.ca: expected an absolute path/],
  [
    `${NODE}[cluster]\nnats = ["nats://127.0.0.1:4222"]\n[history]\nstore = "disk"\npath = "/a"`,
    /history\.store: must be "memory" with `nats` under \[cluster\]/,
  ],
];

for (const [toml, problem] of WRONG) {
  test(`${toml.replaceAll('\n', ' ')} is refused`, () => {
    assert.throws(
      () => loadConfig(toml, ''),
      (error) => error instanceof ConfigError && problem.test(error.message),
    );
  });
}

test('all of a cluster is read', () => {
  const { cluster } = loadConfig(
    `${NODE}[cluster]\nnats = ["tls://[::1]:4222", "nats://b"]\nuser = "a"\npassword = "file:/run/p"\nprefix = "f.fs.y"\nreplicas = 3\non_partition = "local"`,
    '',
  );
  assert.deepEqual(cluster.nats, ['tls://[::1]:4222', 'nats://b']);
  assert.equal(cluster.onPartition, 'local');
  assert.equal(cluster.replicas, 3);
});
