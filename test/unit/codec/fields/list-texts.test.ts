import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FieldList, ListTexts } from '../../../../src/codec/fields/index.ts';

function counting(): { texts: ListTexts; written: FieldList[] } {
  const written: FieldList[] = [];
  const texts = new ListTexts((headers) => {
    written.push(headers);
    return headers.join('|');
  });
  return { texts, written };
}

test('a list is written out until it has come a second time', () => {
  const { texts, written } = counting();
  const headers = ['Host', 'example.com', 'Accept', '*/*'];
  for (let i = 0; i < 4; i++) assert.equal(texts.of(headers), headers.join('|'));
  assert.equal(written.length, 2);
});

test('lists that share a slot are distinguished', () => {
  const { texts } = counting();
  const lists = ['one', 'two', 'six'].map((value) => ['Name', value]);
  for (let i = 0; i < 4; i++) for (const headers of lists) assert.equal(texts.of(headers), headers.join('|'));
});

test('a list whose text is too long to be kept is written each time', () => {
  const { texts, written } = counting();
  const headers = ['Cookie', 'x'.repeat(10_000)];
  for (let i = 0; i < 3; i++) assert.equal(texts.of(headers), headers.join('|'));
  assert.equal(written.length, 3);
});

test('the list of no headers has a text too', () => {
  const { texts } = counting();
  const none: FieldList = [];
  for (let i = 0; i < 3; i++) assert.equal(texts.of(none), '');
});
