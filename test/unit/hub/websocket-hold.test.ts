import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { WebSocketHold, WebSocketOwner } from '../../../src/hub/index.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { type HubRig, rig } from './support.ts';

/** A client that accepts so many bytes, its hold, and what its owner was told. */
class Site implements WebSocketOwner {
  readonly made: HubRig;
  readonly requester: FakeWebSocketRequester;
  readonly hold: WebSocketHold;
  replied = 0;
  ownPassed = 0;

  constructor(made: HubRig, credits: number) {
    this.made = made;
    this.requester = new FakeWebSocketRequester(credits);
    this.requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
    this.hold = made.hub.holdWebSocket({ id: '1-1', requester: this.requester, credits, owner: this });
  }

  /** The client takes so many bytes more. */
  credit(bytes: number): void {
    this.requester.credits += bytes;
    this.hold.credit(bytes);
  }

  onRelayed(): void {}

  onReplied(bytes: number): void {
    this.replied += bytes;
  }

  onOwnPassed(): void {
    this.ownPassed++;
  }

  onPublishedClose(): void {}

  onRefresh(): void {}

  onHoldFault(thrown: unknown): void {
    throw thrown;
  }
}

function site(t: TestContext, credits: number, limits = {}): Site {
  return new Site(rig(t, { limits }), credits);
}

function text(content: string): { type: 'text'; content: Buffer } {
  return { type: 'text', content: Buffer.from(content) };
}

test('a client gets credit for a message once the reply has left', (t) => {
  const one = site(t, 3);
  one.hold.reply(text('one'), 2);
  assert.equal(one.replied, 2);
  one.hold.reply(text('two'), 2);
  assert.equal(one.replied, 2);
  one.credit(2);
  assert.equal(one.replied, 2);
  one.credit(1);
  assert.equal(one.replied, 4);
  assert.deepEqual(one.requester.events, ['text one', 'text two']);
  one.hold.end();
  one.hold.reply(text('late'), 5);
  assert.equal(one.replied, 9);
  assert.equal(one.made.hub.queues.backlogs, 0);
});

test('replies that the queue of a client has no room for are dropped, and counted', (t) => {
  const one = site(t, 0, { queueItems: 10, queueBytes: 50 });
  for (let i = 0; i < 100; i++) one.hold.reply(text('123456789'), 1);
  assert.equal(one.made.counters.itemsDropped, 95);
  assert.equal(one.replied, 95);
  assert.ok(one.made.hub.queues.backlogs > 0);
  one.hold.end();
  assert.equal(one.made.hub.queues.backlogs, 0);
  const empty = site(t, 0, { queueItems: 10 });
  empty.hold.reply(text('x'), 0);
  for (let i = 0; i < 100; i++) empty.hold.reply(text(''), 0);
  assert.equal(empty.made.counters.itemsDropped, 91);
});

test('of the pings of a client that takes nothing the newest one has a pong', (t) => {
  const one = site(t, 0);
  for (let i = 0; i < 1_000; i++) one.hold.pong(Buffer.from(`ping ${i}`), 8);
  assert.equal(one.replied, 0);
  one.credit(100);
  assert.deepEqual(one.requester.events, ['pong ping 999']);
  assert.equal(one.replied, 8_000);
  one.hold.pong(Buffer.from('next'), 4);
  assert.deepEqual(one.requester.events, ['pong ping 999', 'pong next']);
});

test('the owner is told when no message waits that its origin had sent later', (t) => {
  const one = site(t, 4);
  one.hold.sendOwn(text('abc'));
  assert.deepEqual([one.hold.ownWaits, one.ownPassed], [false, 1]);
  one.hold.sendOwn(text('def'));
  one.hold.sendOwn(text('ghi'));
  assert.deepEqual([one.hold.ownWaits, one.ownPassed], [true, 1]);
  one.credit(4);
  assert.equal(one.hold.ownWaits, true);
  one.credit(1);
  assert.deepEqual([one.hold.ownWaits, one.ownPassed], [false, 2]);
});
