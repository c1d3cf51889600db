import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hold } from '../../../src/codec/grip/index.ts';
import { type FilteredItem, FilterSet } from '../../../src/hub/filter-set.ts';
import { FilterError, fillTemplate } from '../../../src/hub/filter-template.ts';

const CONTEXT = {
  isMember: (name: string) => name === 'p-a' || name === 'p-b',
  positionOf: (name: string) => (name === 'p-a' ? '7' : undefined),
};

function filtered(filters: string[], meta: Record<string, string>, item: Partial<FilteredItem>, content = 'x') {
  const channels = [{ name: 'a', prevId: null, filters }];
  const hold: Hold = { mode: 'stream', channels, timeout: 55, keepAlive: null, meta };
  const set = FilterSet.of(hold, 'p-') ?? assert.fail('no filters');
  const whole = { channel: 'p-a', meta: {}, contentFilters: null, ...item };
  return set.apply(whole, Buffer.from(content), CONTEXT)?.toString() ?? null;
}

for (const [filter, own, meta, passes] of [
  ['skip-self', { user: 'me' }, { sender: 'me' }, false],
  ['skip-self', { user: 'me' }, { sender: 'you' }, true],
  ['skip-self', {}, {}, true],
  ['skip-users', { user: 'me' }, { skip_users: 'you, me' }, false],
  ['skip-users', { user: 'me' }, { skip_users: 'you,mean' }, true],
  ['skip-users', { user: 'me' }, {}, true],
  ['require-sub', {}, { require_sub: 'p-b' }, true],
  ['require-sub', {}, { require_sub: 'p-c' }, false],
  ['require-sub', {}, {}, true],
  ['no-such-filter', {}, { sender: 'me' }, true],
] as const) {
  test(`${filter} of ${JSON.stringify(own)} for ${JSON.stringify(meta)}: ${passes}`, () => {
    assert.equal(filtered([filter], own, { meta }), passes ? 'x' : null);
  });
}

test('var-subst and build-id change the content, in the order of the filters', () => {
  assert.equal(filtered(['var-subst'], { name: 'Zoë' }, {}, '100%% %(name)s'), '100% Zoë');
  assert.equal(filtered(['build-id'], { id_format: 'i-%(a)s' }, {}, '<%I>'), '<i-7>');
  assert.equal(filtered(['build-id'], { id_format: '', id_encoding: 'hex' }, {}, '%(R2D2)I'), '52324432');
  assert.equal(filtered(['var-subst', 'build-id'], { x: '%I', id_format: '1' }, {}, '%(x)s'), '1');
});

for (const [filters, meta, content, problem] of [
  [['build-id'], {}, '%I', 'build-id: no id_format set'],
  [['build-id'], { id_format: '', id_encoding: 'base64' }, '', 'build-id: unsupported encoding: base64'],
  [['build-id'], { id_format: '%(b)s' }, '%I', 'build-id: unknown directive'],
  [['build-id'], { id_format: '' }, '%s', 'build-id: unknown directive'],
  [['var-subst'], {}, '%(name)s', 'var-subst: unknown directive'],
  [['var-subst'], {}, '100%', 'var-subst: directive does not end'],
  [['var-subst'], { a: '1' }, '%(a', 'var-subst: directive does not end'],
] as const) {
  test(`A filter error: ${problem} in ${content}`, () => {
    assert.throws(
      () => filtered([...filters], meta, {}, content),
      (error) => error instanceof FilterError && error.message === `filter error: ${problem}`,
    );
  });
}

test('content-filters must be those of the client, in their order', () => {
  const both = ['skip-self', 'var-subst', 'build-id'];
  const meta = { id_format: '' };
  assert.equal(filtered(both, meta, { contentFilters: ['var-subst', 'build-id'] }), 'x');
  assert.equal(filtered(both, meta, { contentFilters: ['build-id', 'var-subst'] }), null);
  assert.equal(filtered(both, meta, { contentFilters: [] }), null);
  assert.equal(filtered(['skip-self'], meta, { contentFilters: [] }), 'x');
});

test('Names that every object has are no variables', () => {
  assert.throws(() => filtered(['var-subst'], Object.create(null), {}, '%(toString)s'), FilterError);
});

test('A template without a percent sign is not copied, and a backslash quotes in an argument', () => {
  const content = Buffer.from('plain');
  assert.equal(
    fillTemplate('f', content, () => null),
    content,
  );
  const seen: unknown[] = [];
  fillTemplate('f', Buffer.from('%(a\\)b\\\\)s%x'), (...directive) => {
    seen.push(directive);
    return '';
  });
  assert.deepEqual(seen, [
    ['s', 'a)b\\'],
    ['x', null],
  ]);
});
