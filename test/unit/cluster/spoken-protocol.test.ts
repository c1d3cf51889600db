import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OLDEST_PROTOCOL, PROTOCOL } from '../../../src/cluster/item-message.ts';
import { SpokenProtocol } from '../../../src/cluster/spoken-protocol.ts';

function spoken() {
  const others = new Map<string, { heartbeat: { protocol: number } }>();
  const state = { now: 0 };
  const protocol = new SpokenProtocol({ others }, () => state.now);
  const come = (id: string, version: number): void => {
    others.set(id, { heartbeat: { protocol: version } });
    protocol.nodeCame();
  };
  const go = (id: string): void => {
    others.delete(id);
    protocol.nodeGone();
  };
  return { protocol, state, come, go };
}

test('a node that has just started sends in the oldest version, then in the latest that all understand', () => {
  const { protocol, state, come, go } = spoken();
  assert.equal(protocol.version, OLDEST_PROTOCOL);
  state.now = 3_000;
  assert.equal(protocol.version, PROTOCOL);
  come('later', PROTOCOL + 1);
  assert.equal(protocol.version, PROTOCOL);
  come('same', PROTOCOL);
  go('later');
  assert.equal(protocol.version, PROTOCOL);
});

test('a node whose protocol is older than all that are understood does not count', () => {
  const { protocol, state, come } = spoken();
  state.now = 3_000;
  come('ancient', OLDEST_PROTOCOL - 1);
  assert.equal(protocol.version, PROTOCOL);
});
