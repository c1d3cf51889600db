import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { checkCluster } from '../../../../src/app/doctor/check-cluster.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { startKeeping } from '../../../support/history/kept-channels.ts';
import { startNats, startNatsCluster } from '../../../support/nats.ts';

/** What is said of a broker, as `STATUS TEXT`, and of what is not well what to do. */
async function found(url: string, more = ''): Promise<string[]> {
  const toml = `[server]\nlisten = ["127.0.0.1:0"]\n[cluster]\nnats = ["${url}"]\n${more}\n[[route]]\nhost = "*"\ntargets = ["test"]\n`;
  const findings = await checkCluster(loadConfig(toml, 'f'));
  for (const { status, advice } of findings) assert.equal(advice === '', status === 'ok');
  return findings.map(({ status, text }) => `${status} ${text}`);
}

test('a broker is examined before and after a node has made its stream', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [first, second, ...rest] = await found(nats.url);
  assert.match(first ?? '', /^ok nats-server 2\.\d+\.\d+ takes this node$/);
  assert.equal(second, 'ok there is no stream of this name yet: the first node makes it');
  assert.deepEqual(rest, []);
  await startKeeping(t, `[cluster]\nnats = ["${nats.url}"]\n`);
  assert.deepEqual(await found(nats.url), [first, 'ok the stream is as it must be']);
});

test('a stream of somebody else, and a low max_payload, are reported with what to do', async (t) => {
  const nats = await startNats(t, { config: 'max_payload: 100000\n' });
  if (nats === null) return;
  const connection = await connect({ servers: nats.url });
  t.after(() => connection.close());
  await (await jetstreamManager(connection)).streams.add({ name: 'holdfast', subjects: ['other'] });
  const [, payload, stream] = await found(nats.url);
  assert.equal(payload, 'warn max_payload is 100000 bytes: larger items are refused');
  assert.match(stream ?? '', /^fail the stream is not one of Holdfast: subjects is "other", not "holdfast\.h\.>"; /);
});

test('a broker that is away, refuses the node, or has no JetStream fails', async (t) => {
  assert.deepEqual(await found('nats://127.0.0.1:1'), ['fail connection refused']);
  const nats = await startNats(t, { jetstream: false, config: 'authorization { token: x }\n' });
  if (nats === null) return;
  assert.match(String(await found(nats.url, 'token = "y"')), /^fail Authorization Violation: correct /);
  assert.match((await found(nats.url, 'token = "x"'))[1] ?? '', /^fail JetStream is not available: /);
});

test('a stream whose servers are away for the most part fails', async (t) => {
  const [a, ...others] = (await startNatsCluster(t)) ?? [];
  if (a === undefined) return;
  await startKeeping(t, `[cluster]\nnats = ["${a.url}"]\nreplicas = 3\n`);
  assert.equal((await found(a.url))[1], 'ok the stream is as it must be');
  await Promise.all(others.map((broker) => broker.kill()));
  let stream: string | undefined;
  // Until the last server has noticed that it is alone.
  do [, stream = ''] = await found(a.url);
  while (stream.startsWith('ok'));
  assert.match(
    stream,
    /^fail .*: (?:most of its servers are|JetStream does not work, as most servers of NATS may be) away$/,
  );
});
