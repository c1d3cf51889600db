import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyTable } from '../../../../src/codec/tnetstring/index.ts';

const find = (table: KeyTable<string>, text: string) => {
  const bytes = Buffer.from(`<${text}>`, 'latin1');
  return table.find(bytes, 1, bytes.length - 1);
};

describe('a key table', () => {
  test('finds each of its keys', () => {
    const keys = ['id', 'seq', 'from', 'form', 'a', 'peer-address'];
    const table = new KeyTable(keys);
    for (const key of keys) assert.equal(find(table, key), key);
  });

  test('finds nothing else', () => {
    const table = new KeyTable(['id', 'from']);
    for (const text of ['', 'i', 'ID', 'idd', 'xd', 'fxom', '\xff\xff']) assert.equal(find(table, text), null);
  });

  test('tells keys apart that fall on the same slot', () => {
    const keys = ['abcd', 'acbd', 'axyd', 'aaad', 'azzd'];
    const table = new KeyTable(keys);
    for (const key of keys) assert.equal(find(table, key), key);
    assert.equal(find(table, 'abbd'), null);
  });
});
