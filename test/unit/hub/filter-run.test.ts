import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Instruct } from '../../../src/codec/grip/index.ts';
import { CALL_TIMEOUT } from '../../../src/hub/filter-run.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { ManualService } from './manual-service.ts';
import { type HubRig, responseInstruct, responseItem, rig, streamInstruct, streamItem, turn } from './support.ts';

function filtered(instruct: Instruct): Instruct {
  const { hold } = instruct;
  if (hold === null) return instruct;
  const channels = hold.channels.map((channel) => ({ ...channel, filters: ['http-check'] }));
  return { ...instruct, hold: { ...hold, channels, meta: { url: '/filter' } } };
}

function held(t: TestContext, instruct: Instruct, queueItems = 100) {
  const made = rig(t, { limits: { queueItems } });
  const service = new ManualService();
  const hold = (): HeldClient => made.hold(made.client(), filtered(instruct), { filterService: service });
  return { made, service, hold, client: hold() };
}

function assertNothingAsked(made: HubRig, service: ManualService): void {
  const asked = service.clients.length;
  made.advance(CALL_TIMEOUT + 1_000);
  assert.equal(service.clients.length, asked);
}

test('a service that does not respond in 10 s fails its filter, and the next item is asked about', async (t) => {
  const { made, service, client } = held(t, streamInstruct(['a']));
  await made.publish(streamItem('a', 'one'), streamItem('a', 'two'));
  made.advance(CALL_TIMEOUT - 100);
  assert.equal(service.clients.length, 1);
  made.advance(200);
  await turn();
  assert.equal(service.aborted, 1);
  assert.equal(made.counters.filterErrors, 1);
  service.pass();
  assert.equal(client.body, 'two');
});

test('items beyond the queue of a client whose service stalls are dropped, and counted', async (t) => {
  const { made, service, client } = held(t, streamInstruct(['a']), 2);
  await made.publish(...['1', '2', '3', '4', '5'].map((content) => streamItem('a', content)));
  assert.equal(made.counters.itemsDropped, 2);
  for (let i = 0; i < 3; i++) service.pass();
  assert.equal(client.body, '123');
  assertNothingAsked(made, service);
});

test('a client that leaves while its service is asked leaves no request and no timer', async (t) => {
  for (const [instruct, item] of [
    [streamInstruct(['a']), streamItem('a', 'one')],
    [responseInstruct(['a']), responseItem('a', 'one')],
  ] as const) {
    await t.test(instruct.hold?.mode ?? '', async (inner) => {
      const { made, service, client } = held(inner, instruct);
      await made.publish(item, item);
      client.leave();
      assert.equal(service.aborted, 1);
      made.assertEmpty();
      service.pass();
      assertNothingAsked(made, service);
      assert.equal(made.counters.faults, 0);
    });
  }
});

test('64 requests are under way at one target, and those of clients that leave make room', async (t) => {
  const { made, service, hold, client } = held(t, streamInstruct(['a']));
  const others = Array.from({ length: 79 }, hold);
  await made.publish(streamItem('a', 'one'));
  assert.equal(service.clients.length, 64);
  client.leave();
  for (const other of others.slice(60)) other.leave();
  await turn();
  assert.equal(service.clients.length, 64);
  for (const asked of service.clients.slice()) asked.onFilterResponse(200, false, Buffer.alloc(0));
  assert.equal(others.filter(({ body }) => body === 'one').length, 60);
});

test('a held response whose item was dropped takes the next, and the timeout does not wait for the service', async (t) => {
  const { made, service, hold, client } = held(t, responseInstruct(['a']));
  await made.publish(responseItem('a', 'one'), responseItem('a', 'two'));
  service.drop();
  service.pass();
  assert.equal(client.body, 'two');
  const late = hold();
  made.advance(50_000);
  await made.publish(responseItem('a', 'three'));
  made.advance(6_000);
  assert.equal(late.complete, true);
  assert.equal(service.aborted, 1);
  made.assertEmpty();
});

test('a drain waits for the outcome of what services are asked about', async (t) => {
  const { made, service, client } = held(t, streamInstruct(['a']));
  await made.publish(streamItem('a', 'one'));
  made.hub.drain();
  await turn();
  assert.equal(client.complete, false);
  service.pass();
  assert.equal(client.body, 'one');
  assert.equal(client.complete, true);
  made.assertEmpty();
});

test('an exception of a service ends its client alone', async (t) => {
  const { made, service, client } = held(t, streamInstruct(['a']));
  await made.publish(streamItem('a', 'one'));
  let code = '';
  client.onResponseError = (error) => {
    code = error.code;
  };
  service.last.onFault(new Error('thrown by the test'));
  assert.equal(code, 'HF_INTERNAL');
  assert.equal(made.counters.faults, 1);
  made.assertEmpty();
});
