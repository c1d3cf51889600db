import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '../../../../src/codec/tnetstring/index.ts';
import { HeaderTexts } from '../../../../src/codec/zhttp/header-texts.ts';

function expected(headers: readonly string[]): string {
  const pairs: string[][] = [];
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] as string, headers[i + 1] as string]);
  return `7:headers,${encode(pairs)}`;
}

test('a list is written the same the first, the second and the third time', () => {
  const texts = new HeaderTexts();
  const headers = ['Host', 'example.com', 'Accept', '*/*'];
  for (let i = 0; i < 3; i++) assert.equal(texts.field(headers), expected(headers));
});

test('lists of equal lengths are told apart', () => {
  const texts = new HeaderTexts();
  const lists = ['one', 'two', 'six'].map((value) => ['Name', value]);
  for (let i = 0; i < 4; i++) for (const headers of lists) assert.equal(texts.field(headers), expected(headers));
});

test('a list that is too long to be kept is written all the same', () => {
  const texts = new HeaderTexts();
  const headers = ['Cookie', 'x'.repeat(10_000)];
  for (let i = 0; i < 3; i++) assert.equal(texts.field(headers), expected(headers));
});
