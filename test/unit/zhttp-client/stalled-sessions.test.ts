import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL, READY, type Reach } from '../../../src/zhttp/index.ts';
import { type StalledSession, StalledSessions } from '../../../src/zhttp-client/stalled-sessions.ts';

const PATIENCE = 60_000;

/** A session that calls `onSend` when it may send. */
function session(onSend: () => boolean): StalledSession {
  return {
    sendHeld: onSend,
    giveUpHandler: () => assert.fail('given up'),
    onFault: (thrown) => assert.fail(String(thrown)),
  };
}

function rig() {
  const state: { reach: Reach; calls: number } = { reach: FULL, calls: 0 };
  const stalled = new StalledSessions(PATIENCE, () => state.reach);
  return { state, stalled, idle: session(() => true) };
}

test('a session that waits again while the others leave gets its turn', () => {
  const { state, stalled, idle } = rig();
  const busy = session(() => {
    state.calls++;
    if (state.calls > 1) return true;
    stalled.remove(idle, 'h');
    stalled.add(busy, 'h', 0);
    return true;
  });
  stalled.add(busy, 'h', 0);
  stalled.add(idle, 'h', 0);
  state.reach = READY;
  stalled.release('h', 0);
  stalled.release('h', 1);
  assert.equal(state.calls, 2);
});

test('a session that the handler stops while the others leave gets its turn', () => {
  const { state, stalled, idle } = rig();
  const busy = session(() => {
    state.calls++;
    if (state.calls > 1) return true;
    stalled.remove(idle, 'h');
    state.reach = FULL;
    return false;
  });
  stalled.add(busy, 'h', 0);
  stalled.add(idle, 'h', 0);
  state.reach = READY;
  stalled.release('h', 0);
  assert.equal(state.calls, 1);
  state.reach = READY;
  stalled.release('h', 1);
  assert.equal(state.calls, 2);
});
