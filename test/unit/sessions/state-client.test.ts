import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { encode } from '../../../src/codec/tnetstring/index.ts';
import { Counters } from '../../../src/exchange/index.ts';
import { MAX_REPLY, MAX_REQUESTS, MAX_UPDATES, StateClient } from '../../../src/sessions/state-client.ts';
import { RepSocket, ZmqCounters } from '../../../src/zmq/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { eventually } from '../../support/running-app.ts';
import { StateService } from '../../support/zmq/state-service.ts';

const RULE = { domain: 'a.example', pathPrefix: '/poll', sidPtr: '/id', jsonParam: null };

/** A state client, and a service whose replies the test may change. */
async function started(t: TestContext, reply?: (request: Buffer) => Buffer | null, connected = true) {
  const wheel = new TimerWheel();
  const log = new FakeLog();
  const counters = new Counters();
  const service = new StateService();
  const context = { wheel, log, counters: new ZmqCounters() };
  const client = new StateClient({
    endpoints: ['tcp://127.0.0.1:0'],
    ipcFileMode: null,
    wheel,
    counters,
    zmqCounters: new ZmqCounters(),
    log,
  });
  const [endpoint = ''] = await client.open();
  const socket = new RepSocket(context, {}, ([request]) => {
    const sent = reply === undefined ? service.reply(request as Buffer) : reply(request as Buffer);
    if (sent === null) socket.ignore();
    else socket.send([sent]);
  });
  t.after(async () => {
    await Promise.all([client.close(), socket.close()]);
    wheel.stop();
  });
  if (connected) {
    socket.connect(endpoint);
    // A request before the connection is up fails at once.
    for (let failed = -1; failed !== counters.sessionRequestsFailed; ) {
      failed = counters.sessionRequestsFailed;
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise<void>((resolve) => client.rulesFor('probe', '/', () => resolve()));
    }
    counters.sessionRequestsFailed = 0;
    log.records.length = 0;
    service.calls.length = 0;
  }
  return { client, service, counters, log };
}

function rulesOf(client: StateClient, path = '/poll/1'): Promise<readonly object[]> {
  return new Promise((resolve) => client.rulesFor('a.example', path, resolve));
}

function lastIdsOf(client: StateClient, sid: string): Promise<object> {
  return new Promise((resolve) => client.lastIds(sid, (lastIds) => resolve({ ...lastIds })));
}

test('rules and last ids are kept by the service', async (t) => {
  const { client, service, counters } = await started(t);
  client.note({ id: 's1', rules: [RULE, { ...RULE, jsonParam: 'm' }], lastIds: { a: '1' } });
  assert.deepEqual(await rulesOf(client), [RULE, { ...RULE, jsonParam: 'm' }]);
  assert.deepEqual(await rulesOf(client, '/other'), []);
  assert.deepEqual(await lastIdsOf(client, 's1'), { a: '1' });
  assert.deepEqual(await lastIdsOf(client, 'nobody'), {});
  assert.equal(counters.sessionRequestsFailed, 0);
  assert.equal(service.calls.length, 6);
});

test('what is delivered in one turn is one request', async (t) => {
  const { client, service } = await started(t);
  for (let i = 0; i < 100; i++) client.delivered(`s${i % 10}`, 'a', String(i));
  await eventually(() => service.calls.length > 0);
  assert.equal(service.calls.length, 1);
  assert.equal(service.sessions.size, 10);
  assert.equal(service.sessions.get('s9')?.get('a'), '99');
});

test('without a service, or a reply within a second, a request is as if there were nothing', async (t) => {
  const alone = await started(t, undefined, false);
  assert.deepEqual(await rulesOf(alone.client), []);
  assert.deepEqual(await lastIdsOf(alone.client, 's1'), {});
  assert.equal(alone.counters.sessionRequestsFailed, 2);
  assert.equal(alone.log.with('request to the session state service failed').length, 1, 'it is logged once');
});

test('a service that does not reply is given up after a second', async (t) => {
  let silent = false;
  const { client, counters } = await started(t, (request) => {
    const id = /2:id,\d+:(\d+),/.exec(request.toString())?.[1] ?? '';
    return silent ? null : encode({ id, success: true, value: [] });
  });
  silent = true;
  assert.deepEqual(await lastIdsOf(client, 's1'), {});
  assert.equal(counters.sessionRequestsFailed, 1);
});

for (const [name, value] of [
  ['a number', 7],
  ['a list of numbers', [1, 2]],
  ['rules without members', [{}, { domain: 'a' }, { domain: 1, 'path-prefix': '/', 'sid-ptr': '/' }]],
] as const) {
  test(`a service that replies with ${name} tells nothing`, async (t) => {
    const { client } = await started(t, (request) => {
      const id = /2:id,\d+:(\d+),/.exec(request.toString())?.[1] ?? '';
      return encode({ id, success: true, value: value as never });
    });
    assert.deepEqual(await rulesOf(client), []);
    assert.deepEqual(await lastIdsOf(client, 's1'), {});
  });
}

test('requests that wait are bounded, and so are sessions whose ids are to be sent', async (t) => {
  let silent = false;
  const { client, counters } = await started(t, (request) => {
    const id = /2:id,\d+:(\d+),/.exec(request.toString())?.[1] ?? '';
    return silent ? null : encode({ id, success: true, value: null });
  });
  silent = true;
  let done = 0;
  for (let i = 0; i < MAX_REQUESTS + 10; i++) client.lastIds(String(i), () => done++);
  // What the socket does not take fails at once too.
  assert.ok(done >= 10);
  assert.equal(counters.sessionRequestsFailed, done);
  await eventually(() => done === MAX_REQUESTS + 10);
  counters.sessionRequestsFailed = 0;
  for (let i = 0; i < MAX_UPDATES + 5; i++) client.delivered(String(i), 'a', '1');
  assert.equal(counters.sessionRequestsFailed, 5);
});

test('a service whose reply is too large is cut off, and serves again when it has come back', async (t) => {
  let length = 1;
  const { client, counters, log } = await started(t, (request) => {
    const id = /2:id,\d+:(\d+),/.exec(request.toString())?.[1] ?? '';
    return encode({ id, success: true, value: { a: '9'.repeat(length) } });
  });
  // What is around the value takes less than 100 bytes.
  length = MAX_REPLY - 100;
  assert.deepEqual(await lastIdsOf(client, 's1'), { a: '9'.repeat(length) });
  length = MAX_REPLY;
  assert.deepEqual(await lastIdsOf(client, 's1'), {});
  assert.equal(counters.sessionRequestsFailed, 1);
  assert.match(JSON.stringify(log.records), /a message of more than 262144 bytes/);
  length = 1;
  for (let lastIds = {}; !Object.hasOwn(lastIds, 'a'); ) lastIds = await lastIdsOf(client, 's1');
});
