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

test('what was passed on has its place once the other process has accepted it, or accepts nothing any more', () => {
  const link = {
    connected: true,
    unaccepted: 0,
    publish: () => {
      link.unaccepted += 256;
      return true;
    },
    onAccepted: () => {},
  };
  const means = { counters: new Counters(), log: new FakeLog() };
  const publisher = new ForwardingPublisher(link as unknown as HubLink, {} as Hub, means);
  const ordered: string[] = [];
  publisher.ordered(() => ordered.push('nothing'));
  for (const name of ['one', 'two', 'three']) {
    publisher.publish([ITEM]);
    publisher.ordered(() => ordered.push(name));
  }
  assert.deepEqual(ordered, ['nothing']);
  link.unaccepted -= 512;
  link.onAccepted();
  assert.deepEqual(ordered, ['nothing', 'one', 'two']);
  publisher.end();
  assert.deepEqual(ordered.slice(3), ['three']);
});
