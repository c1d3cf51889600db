import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import { Counters, NO_RESPONDER, type WebSocketResponder } from '../../../../src/exchange/index.ts';
import { GuardedWebSocket } from '../../../../src/proxy/guard/guarded-websocket.ts';
import { Permit } from '../../../../src/proxy/guard/permit.ts';
import { FakeWebSocketRequester } from '../../../support/exchange/fake-websocket-requester.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { eventually } from '../../../support/running-app.ts';

/** An open WebSocket whose token expires at this time, in milliseconds since 1970; the origin's calls are noted. */
function opened(t: TestContext, expires: number) {
  const wheel = new TimerWheel(1);
  t.after(() => wheel.stop());
  const room = { wheel, counters: new Counters(), log: new FakeLog() };
  const calls: string[] = [];
  const origin: WebSocketResponder = {
    ...NO_RESPONDER,
    onRequestMessage: (chunk) => calls.push(`message ${chunk}`),
    onRequestClose: (code) => calls.push(`close ${code}`),
    onRequestError: ({ code }) => calls.push(code),
  };
  const client = new FakeWebSocketRequester(65_536);
  // Ends a pause that has not begun, as a server takes it.
  client.pauseRequest = () => {};
  const guard = new GuardedWebSocket(room, client);
  client.responder = guard;
  guard.admit(new Permit([], expires, null), () => origin);
  guard.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
  guard.onRequestCredit(100);
  return { room, calls, client, guard };
}

test('A WebSocket whose token expires is closed, and what still comes from its client is taken and dropped', async (t) => {
  const { room, calls, client, guard } = opened(t, Date.now());
  await eventually(() => client.events.length > 0);
  assert.deepEqual(client.events, ['close 1008 the token has expired']);
  assert.deepEqual(calls, ['HF_TOKEN_EXPIRED']);
  assert.equal(room.counters.tokensExpired, 1);
  client.message('late');
  assert.equal(client.requestCredit, 100);
  guard.onResponseMessage(Buffer.from('x'), true, false);
  guard.onResponseClose(1000, '');
  guard.onRequestClose(1008, '');
  assert.deepEqual(client.events, ['close 1008 the token has expired']);
  assert.deepEqual(calls, ['HF_TOKEN_EXPIRED']);
});

test('A WebSocket that has been closed both ways expires no more', async (t) => {
  const soon = Date.now() + 50;
  const { room, calls, client, guard } = opened(t, soon);
  guard.onResponseClose(1000, 'bye');
  guard.onRequestClose(1000, '');
  const { client: other } = opened(t, soon);
  await eventually(() => other.events.length > 0);
  assert.deepEqual(client.events, ['close 1000 bye']);
  assert.deepEqual(calls, ['close 1000']);
  assert.equal(room.counters.tokensExpired, 0);
});

test('A defect ends that WebSocket alone, in both directions', (t) => {
  const { room, calls, client, guard } = opened(t, Number.POSITIVE_INFINITY);
  guard.onFault(new Error('thrown by the test'));
  assert.equal(client.error?.code, 'HF_INTERNAL');
  assert.deepEqual(calls, ['HF_INTERNAL']);
  assert.equal(room.counters.faults, 1);
});

test('Whether the client takes all that it is sent is known through the guard', (t) => {
  const { client, guard } = opened(t, Number.POSITIVE_INFINITY);
  assert.equal(guard.keepsUp, false);
  client.keepsUp = true;
  assert.equal(guard.keepsUp, true);
});
