import assert from 'node:assert/strict';
import dns from 'node:dns';
import { test } from 'node:test';
import { ERRORS, ExchangeError, NO_RESPONDER, type Requester, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';
import { startOrigin } from '../../support/scripted-origin.ts';
import { ScriptedService } from '../../support/scripted-service.ts';
import { settled } from '../../support/settled.ts';
import { TargetsRig } from './support/targets-rig.ts';

/** Nobody listens on the first ports; unlike a free one they are not given to anybody else meanwhile. */
const CLOSED = '127.0.0.1:1';

test('Targets are tried in their order until one takes the connection', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body }));
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${CLOSED},host=one ${origin.target},host=two ${unused.target}`]);
  const answer = await app.send({ method: 'POST', body: 'hello' });
  assert.deepEqual([answer.status, answer.text], [200, 'hello']);
  assert.deepEqual((await origin.request()).all('host'), ['two']);
  assert.equal(unused.connections, 0);
  const record = await app.log.heard('trying the next target');
  assert.equal(record.code, 'HF_ORIGIN_UNREACHABLE');
  assert.equal(app.counters.requestsFailed, 0);
});

test('An untrusted target at an internal address is not connected to, and the next one is tried', async (t) => {
  const inner = await httpOrigin(t, () => ({ body: 'secret' }));
  const origin = await httpOrigin(t, () => ({ body: 'hello' }));
  const app = await startApp(t, [`* localhost:${inner.port},untrusted ${origin.target}`]);
  assert.equal((await app.send()).text, 'hello');
  const record = await app.log.heard('trying the next target');
  assert.equal(record.code, 'HF_POLICY_VIOLATION');
  assert.match(String(record.detail), /^localhost:\d+: .*127\.0\.0\.1 is denied \(internal: loopback/);
  assert.equal(inner.connections, 0);
});

test('A connection that a trusted target has opened serves no untrusted one at the same address', async (t) => {
  const inner = await httpOrigin(t, () => ({ body: 'hello' }));
  const routes = [`a.example ${inner.target}`, `b.example,debug ${inner.target},untrusted`];
  const app = await startApp(t, routes);
  assert.equal((await app.send({ headers: { Host: 'a.example' } })).text, 'hello');
  const answer = await app.send({ headers: { Host: 'b.example' } });
  assert.equal(answer.status, 502);
  assert.match(
    answer.text,
    /^Error while proxying to origin\.\nUnable to connect to any targets\. Tried: 127\.0\.0\.1:\d+ /,
  );
  const record = await app.log.heard('request failed');
  assert.equal(record.code, 'HF_POLICY_VIOLATION');
  assert.deepEqual([inner.connections, inner.requests.length], [1, 1]);
});

for (const [code, tried] of [
  ['HF_ORIGIN_UNREACHABLE', 2],
  ['HF_ORIGIN_CONNECT_TIMEOUT', 2],
  ['HF_ORIGIN_TLS', 2],
  ['HF_POLICY_VIOLATION', 2],
  ['HF_ORIGIN_CLOSED', 1],
  ['HF_ORIGIN_TIMEOUT', 1],
  ['HF_ORIGIN_PROTOCOL', 1],
  ['HF_INTERNAL', 1],
] as const) {
  test(`A target that fails with ${code} ${tried === 2 ? 'gives way to the next' : 'is the last one tried'}`, (t) => {
    const rig = new TargetsRig(t, ['* a.test:1 b.test:2'], (target, _request, requester) => {
      rig.asked.push(target);
      requester.onResponseError(new ExchangeError(code, 'why'));
      return NO_RESPONDER;
    });
    const requester = rig.send();
    assert.deepEqual(rig.asked, ['a.test:1', 'b.test:2'].slice(0, tried));
    assert.equal(requester.head?.status, ERRORS[code].status);
    assert.equal(rig.log.of('request failed')[0]?.code, code);
  });
}

test('A body is granted once, by the target that takes the request', (t) => {
  const rig = new TargetsRig(t, ['* a.test:1 b.test:2'], (target, _request, requester) => {
    requester.onRequestCredit(target === 'a.test:1' ? 1_000 : 10);
    if (target === 'a.test:1') requester.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'why'));
    return NO_RESPONDER;
  });
  assert.deepEqual(rig.send({ method: 'POST', bodyLength: 5_000 }).grants, [10]);
});

test('A pause of the client by a target ends when the next target is tried', (t) => {
  const rig = new TargetsRig(t, ['* a.test:1 b.test:2'], (target, _request, requester) => {
    rig.asked.push(target);
    rig.requester = requester;
    return NO_RESPONDER;
  });
  const requester = rig.send({ method: 'POST', bodyLength: 5_000 });
  rig.requester?.pauseRequest(true);
  assert.equal(requester.paused, true);
  rig.requester?.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'why'));
  assert.deepEqual([rig.asked, requester.paused], [['a.test:1', 'b.test:2'], false]);
});

test('A target that has asked for the body is the last one tried', (t) => {
  const rig = new TargetsRig(t, ['* a.test:1 b.test:2'], (target, _request, requester) => {
    rig.asked.push(target);
    rig.requester = requester;
    return NO_RESPONDER;
  });
  const requester = rig.send({ method: 'POST', bodyLength: 5_000 });
  rig.requester?.onRequestCredit(10);
  rig.requester?.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'why'));
  assert.deepEqual(rig.asked, ['a.test:1']);
  assert.equal(requester.head?.status, 502);
});

for (const routes of [['* a.test:1'], ['* b.test:2 a.test:1']]) {
  test(`The end of an empty chunked body reaches the last of ${routes[0]}`, async (t) => {
    const scripted = new ScriptedService();
    const rig = new TargetsRig(t, routes, (target, request, requester) => {
      if (target === 'a.test:1') return scripted.service(request, requester);
      rig.requester = requester;
      return NO_RESPONDER;
    });
    const requester = rig.send({ method: 'POST', bodyLength: UNKNOWN_LENGTH });
    requester.send('', false);
    rig.requester?.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'why'));
    const exchange = await scripted.next();
    assert.equal(exchange.bodyDone, true);
  });

  test(`A target of ${routes[0]} that responds before its service returns is granted what the client takes`, async (t) => {
    const scripted = new ScriptedService();
    scripted.onExchange = (exchange) => {
      exchange.head();
      exchange.send('x'.repeat(100));
    };
    const rig = new TargetsRig(t, routes, (target, request, requester) => {
      if (target === 'a.test:1') return scripted.service(request, requester);
      requester.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'why'));
      return NO_RESPONDER;
    });
    rig.onData = (responder) => responder.onResponseCredit(100);
    rig.send({ credits: 100 });
    assert.equal((await scripted.next()).credits, 100);
  });
}

test('A target that has just refused a connection is not tried first again', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${CLOSED} ${origin.target}`]);
  await app.send();
  await app.send();
  assert.equal(app.log.of('trying the next target').length, 1);
});

test('An error status from a target does not lead to the next target', async (t) => {
  const failing = await httpOrigin(t, () => ({ status: 503, body: 'busy' }));
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${failing.target} ${unused.target}`]);
  const answer = await app.send();
  assert.deepEqual([answer.status, answer.text], [503, 'busy']);
  assert.equal(unused.connections, 0);
});

test('A body reaches the next target over an idle connection too', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body }));
  const app = await startApp(t, [`* ${CLOSED} ${origin.target}`]);
  const body = 'x'.repeat(90_000);
  for (let i = 0; i < 3; i++) assert.equal((await app.send({ method: 'POST', body })).text, body);
  assert.equal(origin.connections, 1);
});

test('A body is not passed on to a target without a part that another target took', async (t) => {
  const first = await startOrigin(t);
  const unused = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`*,debug one.example:${first.origin.port} ${unused.target}`]);
  const lookups: ((error: Error | null, addresses?: dns.LookupAddress[]) => void)[] = [];
  t.mock.method(dns, 'lookup', (_name: string, _options: object, callback: (typeof lookups)[0]) => {
    if (lookups.push(callback) === 1) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  });
  const warmUp = app.send();
  const peer = await first.accept();
  await peer.received();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  await warmUp;

  // The waiting connection goes stale, and while another is opened the client sends what it was asked for.
  const client = await app.client.connect(t);
  client.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
  await peer.received();
  peer.end();
  await peer.closed;
  client.write('hello');
  await settled(() => lookups.length);
  lookups[1]?.(Object.assign(new Error('the name is gone'), { code: 'ENOTFOUND' }));
  assert.match(await client.received(), /^HTTP\/1\.1 502 /);
  assert.equal(unused.connections, 0);
});

test('A target that is tried later may send what the client granted an earlier one', (t) => {
  const requesters: Requester[] = [];
  const credits: number[] = [];
  const rig = new TargetsRig(t, ['* a.test:1 b.test:2'], (_target, request, requester) => {
    requesters.push(requester);
    credits.push(request.credits);
    return NO_RESPONDER;
  });
  rig.send().grant(1_000);
  requesters[0]?.onResponseError(new ExchangeError('HF_ORIGIN_UNREACHABLE', 'why'));
  assert.equal(credits[1], (credits[0] as number) + 1_000);
});
