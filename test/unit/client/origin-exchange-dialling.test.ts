import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { originOf } from '../../../src/client/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { Guard } from '../../../src/net/index.ts';
import { startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from './fixture.ts';
import { ScriptedDialler } from './scripted-dialler.ts';

const ORIGIN = originOf('a.example', 81);

function start(t: TestContext, connectTimeout = 600) {
  const dialler = new ScriptedDialler();
  const fixture = new Fixture(t, { connectTimeout }, undefined, dialler);
  return { dialler, fixture };
}

for (const [kind, code, errors] of [
  ['resolve', 'HF_ORIGIN_UNREACHABLE', 1],
  ['unreachable', 'HF_ORIGIN_UNREACHABLE', 1],
  ['timeout', 'HF_ORIGIN_CONNECT_TIMEOUT', 1],
  ['tls', 'HF_ORIGIN_TLS', 1],
  ['policy', 'HF_POLICY_VIOLATION', 0],
] as const) {
  test(`A dial that fails with "${kind}" is reported as ${code}`, async (t) => {
    const { dialler, fixture } = start(t);
    const requester = fixture.send(ORIGIN, { method: 'POST', bodyLength: 5 });
    dialler.dials[0]?.fail(kind, 'in words');
    const error = await requester.failed();
    assert.equal(error.code, code);
    assert.equal(error.detail, 'a.example:81: in words');
    // Nobody was asked for a body, and no origin is to blame for a policy.
    assert.deepEqual(requester.calls, ['onResponseError']);
    assert.equal(fixture.counters.originErrors, errors);
    assert.equal(dialler.dials[0]?.cancelled, false);
  });
}

test('The dial has the host, guard and TLS options of the origin', (t) => {
  const { dialler, fixture } = start(t);
  const guard = new Guard({ defaultPolicy: 'deny', allow: [], deny: [], denyInternal: true });
  const tls = { serverName: 'b', alsoTrusted: 'c', verify: false, clientCert: 'd', clientKey: 'e' };
  fixture.send(originOf('[::1]', 81, tls, guard, true));
  const target = dialler.dials[0]?.target;
  assert.equal(target?.host, '::1');
  assert.equal(target?.port, 81);
  assert.equal(target?.guard, guard);
  assert.equal(target?.tls, tls);
  assert.equal(target?.ipv4Only, true);
});

test('A requester that leaves before there is a connection ends the dial', (t) => {
  const { dialler, fixture } = start(t);
  const requester = fixture.send(ORIGIN);
  requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  assert.equal(dialler.dials[0]?.cancelled, true);
  assert.deepEqual(requester.calls, []);
});

test('connectTimeout ends the dial', async (t) => {
  const { dialler, fixture } = start(t, 0.02);
  // The wheel alone does not keep the process alive.
  await startOrigin(t);
  const requester = fixture.send(ORIGIN);
  const error = await requester.failed();
  assert.equal(error.code, 'HF_ORIGIN_CONNECT_TIMEOUT');
  assert.equal(error.detail, 'a.example:81: connecting timed out');
  assert.equal(dialler.dials[0]?.cancelled, true);
});
