import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import type { FilterService, WebSocketHold, WebSocketOwner } from '../../../src/hub/index.ts';
import { MAX_QUEUED_BYTES } from '../../../src/hub/queue-budget.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { type HubRig, item, rig, turn } from './support.ts';

const OWNER: WebSocketOwner = {
  onRelayed() {},
  onReplied() {},
  onOwnPassed() {},
  onPublishedClose() {},
  onRefresh() {},
  onHoldFailed(thrown) {
    throw thrown;
  },
};

/** A service that never responds. */
const SILENT: FilterService = { open: () => ({ uri: 'http://x/', target: 'x', start() {}, abort() {} }) };

/** A client with a filter on one channel. */
function held(made: HubRig, channel: string, filter: string): WebSocketHold {
  const client = new FakeWebSocketRequester(1e9);
  client.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
  const hold = made.hub.holdWebSocket({
    id: '1-1',
    requester: client,
    credits: 1e9,
    owner: OWNER,
    filterService: SILENT,
  });
  hold.setMeta('url', 'http://x/');
  hold.subscribe(channel, [filter]);
  return hold;
}

function message(channel: string, content: Buffer): PublishItem {
  return item(channel, {
    wsMessage: { action: 'send', type: 'text', content, code: 1000, reason: '', contentFilters: null },
  });
}

async function publish(made: HubRig, items: readonly PublishItem[]): Promise<void> {
  made.hub.publish(items);
  while (made.hub.queues.undelivered > 0) await turn();
}

test('an item counts in the total of the hub from when a service is asked about it until the client leaves', async (t) => {
  const made = rig(t);
  const hold = held(made, 'a', 'http-check');
  const content = Buffer.alloc(1_000, 'x');
  for (let i = 0; i < 3; i++) await publish(made, [message('a', content)]);
  assert.equal(made.hub.queues.backlogs, 3 * 1_064);
  hold.end();
  assert.equal(made.hub.queues.backlogs, 0);
});

test('what waits for the filters of all WebSockets is bounded in bytes, and an item beyond that is dropped', async (t) => {
  const made = rig(t);
  const content = Buffer.alloc(1_000_000, 'x');
  const holds: WebSocketHold[] = [];
  for (let i = 0; i < 300; i++) {
    holds.push(held(made, `c${i}`, 'http-check'));
    await publish(made, [message(`c${i}`, content)]);
  }
  const admitted = Math.floor(MAX_QUEUED_BYTES / 1_000_064);
  assert.equal(made.hub.queues.backlogs, admitted * 1_000_064);
  assert.equal(made.counters.itemsDropped, 300 - admitted);
  assert.equal(made.log.of('too many items wait for a filter: item dropped').length, 300 - admitted);
  // A filter that asks no service makes nothing wait.
  held(made, 'direct', 'var-subst');
  await publish(made, [message('direct', content)]);
  assert.equal(made.counters.itemsDelivered, 1);
  // A client has its reserve, whatever waits for the others.
  await publish(made, [message('c299', content.subarray(0, 10_000))]);
  assert.equal(made.counters.itemsDropped, 300 - admitted);
  for (const hold of holds) hold.end();
  assert.equal(made.hub.queues.backlogs, 0);
});
