import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChannelRule, ChannelRules } from '../../../src/hub/index.ts';

function rule(match: string, items: number): ChannelRule {
  const keep = items === 0 ? null : { items, age: Infinity, bytes: Infinity };
  return { match, keep, retain: false, onGap: 'event', presence: false };
}

test('the first rule that matches a name counts', () => {
  const rules = new ChannelRules([rule('orders.secret', 0), rule('orders.*', 5), rule('>', 1)]);
  assert.equal(rules.limitsOf('orders.secret'), null);
  assert.equal(rules.limitsOf('orders.eu')?.items, 5);
  assert.equal(rules.limitsOf('orders.eu.north')?.items, 1);
  assert.equal(rules.limitsOf('$sys.x'), null);
  assert.equal(rules.limitsOf('a..b'), null);
  assert.equal(rules.limitsOf('orders.eu')?.items, 5);
});

test('names beyond those that are remembered have their rule too', () => {
  const rules = new ChannelRules([rule('a.*', 1)]);
  for (let i = 0; i < 40_000; i++)
    assert.equal(rules.limitsOf(i % 2 === 0 ? `a.${i}` : `b.${i}`)?.items, i % 2 === 0 ? 1 : undefined);
});

test('a pattern may match a channel that is kept if it has a name in common with a rule that keeps', () => {
  const rules = new ChannelRules([rule('orders.*.eu', 5), rule('chat.>', 1), rule('other', 0)]);
  const expected = {
    'orders.*.eu': true,
    'orders.1.*': true,
    'orders.*': false,
    'orders.>': true,
    'orders.*.us': false,
    '>': true,
    chat: false,
    'chat.a.b.c': true,
    other: false,
  };
  for (const [pattern, may] of Object.entries(expected)) assert.equal(rules.mayKeep(pattern), may, pattern);
});
