import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presenceKeyOf, stayKey, toldKey } from '../../../../src/cluster/presence/presence-key.ts';
import { MAX_VIEW_BYTES, PresenceView } from '../../../../src/cluster/presence/presence-view.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';

test('keys are read as they were written, and nothing else is', () => {
  for (const name of ['a', 'a.b', '', 'ü *>', '=', '\0', 'x'.repeat(900), '日本']) {
    assert.deepEqual(presenceKeyOf(stayKey('n-_1', name, name) ?? ''), {
      kind: 'stay',
      node: 'n-_1',
      channel: name,
      user: name,
    });
    assert.deepEqual(presenceKeyOf(toldKey(name, name)), { kind: 'told', channel: name, user: name });
    assert.match(toldKey(name, name), /^[-/=.\w]+$/);
  }
  assert.equal(stayKey('n', 'x'.repeat(1_001), 'ann'), null);
  assert.deepEqual(presenceKeyOf('m.n'), { kind: 'mark', node: 'n' });
  for (const key of [
    '',
    'e',
    'e.n',
    'e.n.cg',
    'e.n.cg.cg.cg',
    't.cg',
    't.cg.c',
    't.cg.cg==',
    'x.cg.cg',
    'm.n.n',
    'm',
    '.',
  ]) {
    assert.equal(presenceKeyOf(key), null, key);
  }
});

test('users of all nodes count together, and a node without any is forgotten', () => {
  const view = new PresenceView(new ClusterCounters(), new FakeLog());
  const take = (node: string, user: string, value: string) =>
    view.take({ kind: 'stay', node, channel: 'r', user }, value);
  take('a', 'ann', '2');
  take('b', 'ann', '1');
  take('b', 'bob', '1');
  assert.equal(view.counts.connectionsOf('r', 'ann'), 3);
  assert.equal(view.counts.connectionsOn('r'), 4);
  assert.deepEqual([...view.nodes], ['a', 'b']);
  assert.equal(view.bytes, 3 * (256 + 8));
  for (const value of ['-1', '1.5', 'x', ' 1', '1000000001', '9'.repeat(17)]) take('a', 'ann', value);
  assert.equal(view.counts.connectionsOf('r', 'ann'), 3);
  take('a', 'ann', '0');
  take('b', 'ann', '');
  take('b', 'ann', '');
  take('b', 'bob', '');
  assert.deepEqual([...view.nodes], []);
  view.take({ kind: 'told', channel: 'r', user: 'ann' }, '17 x');
  view.take({ kind: 'told', channel: 'r', user: 'ann' }, '18 y');
  view.take({ kind: 'told', channel: 'r', user: 'bob' }, 'x');
  assert.deepEqual([...view.told], [{ channel: 'r', user: 'ann', since: 18 }]);
  view.take({ kind: 'told', channel: 'r', user: 'ann' }, '');
  assert.equal(view.bytes, 0);
});

test('users beyond the bound are left out, which is counted and logged', () => {
  const [counters, log] = [new ClusterCounters(), new FakeLog()];
  const view = new PresenceView(counters, log);
  const channel = 'x'.repeat(1_000_000);
  const room = Math.floor(MAX_VIEW_BYTES / (256 + 2_000_006));
  for (let i = 0; i < room; i++) view.take({ kind: 'stay', node: 'n', channel, user: String(i).padStart(3, '0') }, '1');
  assert.equal(counters.presenceDropped, 0);
  view.take({ kind: 'stay', node: 'n', channel, user: 'ann' }, '1');
  view.take({ kind: 'told', channel, user: 'ann' }, '1 n');
  assert.equal(counters.presenceDropped, 2);
  assert.ok(view.bytes <= MAX_VIEW_BYTES);
  assert.ok(log.with('too many users in the cluster: one is left out').length > 0);
});
