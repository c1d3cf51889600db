import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HttpResponseFormat, NO_META, type PublishItem } from '../../../src/codec/grip/index.ts';
import { LEAST_COST } from '../../../src/exchange/index.ts';
import { MAX_UNDELIVERED } from '../../../src/hub/intake.ts';
import { idsAndMetaCost, itemCost, memoryCost } from '../../../src/hub/item-cost.ts';
import { PublishedResponse } from '../../../src/hub/published-response.ts';
import { StreamClose } from '../../../src/hub/step.ts';
import { StreamRun } from '../../../src/hub/stream-run.ts';
import { item, responseFormat, responseItem, rig, streamFormat, streamInstruct, streamItem, turn } from './support.ts';

const LONG = 'x'.repeat(10_000);

const formats: readonly (readonly [string, Partial<HttpResponseFormat>])[] = [
  ['body', { body: Buffer.from(LONG) }],
  ['reason', { reason: LONG }],
  ['header value', { headers: ['X', LONG] }],
  ['exposed name', { exposeHeaders: [LONG] }],
  ['body-patch', { bodyPatch: [{ op: 'add', path: '/a', value: { [LONG]: 1 } }] }],
];

for (const [what, format] of formats) {
  test(`a published response is charged for a long ${what}`, () => {
    assert.ok(new PublishedResponse('c', responseFormat(format)).cost >= LONG.length);
    assert.ok(itemCost(item('c', { httpResponse: responseFormat(format) })) >= LONG.length);
  });
}

test('items are charged for their channel and ids', () => {
  assert.ok(new PublishedResponse(LONG, responseFormat()).cost >= LONG.length);
  assert.ok(new PublishedResponse('c', responseFormat(), LONG).cost >= LONG.length);
  assert.ok(new PublishedResponse('c', responseFormat(), null, LONG).cost >= LONG.length);
  assert.ok(new StreamRun(item(LONG, {}), Buffer.from('x')).cost >= LONG.length);
  assert.ok(new StreamRun({ ...item('c', {}), id: LONG }, Buffer.from('x')).cost >= LONG.length);
  assert.ok(new StreamClose(LONG).cost >= LONG.length);
  const empty = item('c', { httpStream: streamFormat('') });
  const long: readonly Partial<PublishItem>[] = [
    { channel: LONG },
    { id: LONG },
    { prevId: LONG },
    { meta: { a: LONG } },
  ];
  for (const part of long) assert.ok(itemCost({ ...empty, ...part }) >= LONG.length);
});

test('what each item has is charged as any other values are', () => {
  for (const [id, prevId, meta] of [
    [null, null, NO_META],
    ['a', null, {}],
    ['ab', 'abc', { a: LONG }],
  ] as const) {
    assert.equal(idsAndMetaCost({ id, prevId, meta }), memoryCost(id, prevId, meta));
  }
});

test('each item is charged a minimum', () => {
  assert.ok(itemCost(item('c', {})) >= LEAST_COST);
  assert.ok(new StreamClose('c').cost >= LEAST_COST);
  assert.ok(new StreamRun(item('c', {}), Buffer.from('x')).cost >= LEAST_COST);
});

test('a value that is nested deeply or has very many members is measured', () => {
  let deep: unknown[] = [];
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  assert.ok(memoryCost(deep) >= 100_000);
  assert.ok(memoryCost(new Array(300_000).fill('')) >= 300_000);
});

test('publishers of items with large header fields and no body wait too', async (t) => {
  const made = rig(t);
  made.log.debugEnabled = false;
  for (let i = 0; i < 20; i++) made.hold(made.client(), streamInstruct(['slow']));
  made.hub.publish(Array.from({ length: 2_000 }, (_, i) => streamItem(i % 2 === 0 ? 'slow' : 'other', 'x')));
  const value = 'y'.repeat(MAX_UNDELIVERED / 8);
  let accepted = 0;
  for (let i = 0; i < 20; i++) {
    made.hub.requestTurn({
      bytes: value.length,
      onTurn: () => {
        made.hub.publish([responseItem('nobody', '', { headers: ['X', value] })]);
        return ++accepted > 0;
      },
      onFault: (thrown) => assert.fail(thrown as Error),
    });
  }
  for (let turns = 0; turns < 10; turns++) await turn();
  assert.ok(accepted < 8, `${accepted} accepted`);
});
