import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePublishItem } from '../../../src/codec/grip/index.ts';
import { Counters } from '../../../src/exchange/index.ts';
import type { Hub } from '../../../src/hub/index.ts';
import { ForwardingPublisher, type HubLink } from '../../../src/hub-relay/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

const ITEM = parsePublishItem({ channel: 'a', formats: { 'http-stream': { content: 'x' } } });

test('items that the other process does not take are counted and logged', () => {
  const counters = new Counters();
  const log = new FakeLog();
  let takes = true;
  const link = { connected: true, unaccepted: 0, publish: () => takes } as unknown as HubLink;
  const publisher = new ForwardingPublisher(link, {} as Hub, { counters, log });
  publisher.publish([ITEM]);
  assert.equal(counters.itemsUndelivered, 0);
  takes = false;
  publisher.publish([ITEM, ITEM]);
  assert.equal(counters.itemsUndelivered, 2);
  assert.deepEqual(
    log.of('the process that orders the items takes none: items dropped').map(({ items }) => items),
    [2],
  );
});

test('publishers wait while it is held', () => {
  const link = { connected: true, unaccepted: 0, publish: () => true } as unknown as HubLink;
  const publisher = new ForwardingPublisher(link, {} as Hub, { counters: new Counters(), log: new FakeLog() });
  let turns = 0;
  const publication = { bytes: 1, onTurn: () => ++turns > 0, onFault: assert.fail };
  publisher.hold();
  publisher.requestTurn(publication);
  assert.equal(turns, 0);
  publisher.release();
  assert.equal(turns, 1);
});
