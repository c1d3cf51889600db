import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSqliteTables } from '../../../src/cli/sqlite-tables.ts';
import { databaseFolder } from '../../support/mongrel2-database.ts';

test('tables that are there are read, and others are absent', (t) => {
  const folder = databaseFolder(t, `drop table filter; insert into setting values (7, 'a "b"', 'c''d\n');`);
  if (folder === null) return;
  const tables = readSqliteTables(join(folder, 'config.sqlite'));
  assert.deepEqual(tables.setting, [{ id: 7, key: 'a "b"', value: "c'd\n" }]);
  assert.deepEqual(tables.server, []);
  assert.equal(tables.filter, undefined);
});

test('a table of more than 16 MiB is refused', (t) => {
  const folder = databaseFolder(t, "insert into setting values (1, 'a', replace(hex(zeroblob(8388608)), '0', 'x'));");
  if (folder === null) return;
  assert.throws(() => readSqliteTables(join(folder, 'config.sqlite')), {
    message: /^cannot read .*config\.sqlite: a table has more than 16777216 bytes$/,
  });
});
