import { spawnSync } from 'node:child_process';
import { DATABASE_TABLES, type DatabaseRow, type DatabaseTables } from '../config/index.ts';
import { CliError } from './cli-error.ts';

/**
 * Bytes of one table in JSON. Mongrel2's longest, with the media types, has some 60 KB.
 * @bound mongrel2-database-table
 */
const MAX_TABLE_BYTES = 16_777_216;

/** Milliseconds for one table. */
const TIMEOUT = 10_000;

/**
 * The tables of a config.sqlite, which the command `sqlite3` reads.
 * @throws CliError without that command, or if it cannot read the file
 */
export function readSqliteTables(file: string): DatabaseTables {
  const there = query(file, "select name from sqlite_master where type = 'table'").map(({ name }) => name);
  const tables = DATABASE_TABLES.filter((table) => there.includes(table));
  return Object.fromEntries(tables.map((table) => [table, query(file, `select * from "${table}"`)]));
}

function query(file: string, sql: string): DatabaseRow[] {
  // The name of a file that begins with a hyphen would be an option, and the user's own settings could change the form.
  const options = ['-readonly', '-json', '-batch', '-init', '/dev/null'];
  const { error, status, stdout, stderr } = spawnSync('sqlite3', [...options, file.replace(/^-/, './-'), sql], {
    encoding: 'utf8',
    maxBuffer: MAX_TABLE_BYTES,
    timeout: TIMEOUT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined) throw new CliError(`cannot read ${file}: ${spawnProblem(error)}`);
  if (status !== 0)
    throw new CliError(`cannot read ${file}: sqlite3: ${(stderr.split('\n')[0] as string).slice(0, 200)}`);
  // No rows are no text.
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as DatabaseRow[]);
}

function spawnProblem({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'the command "sqlite3" is needed: install the package sqlite3';
  if (code === 'ENOBUFS') return `a table has more than ${MAX_TABLE_BYTES} bytes`;
  return code === 'ETIMEDOUT' ? `sqlite3 took more than ${TIMEOUT / 1000} s` : message;
}
