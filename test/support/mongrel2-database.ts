import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { requirePeer } from './peers.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The tables that m2sh makes, as far as a site uses them. */
const SCHEMA = `
create table server (id integer primary key, uuid text, access_log text, error_log text, chroot text default '/var/www', pid_file text,
  default_host text, name text default '', bind_addr text default '0.0.0.0', port integer, use_ssl integer default 0, control_port text);
create table host (id integer primary key, server_id integer, maintenance boolean default 0, name text, matching text);
create table handler (id integer primary key, send_spec text, send_ident text, recv_spec text, recv_ident text, raw_payload integer default 0,
  protocol text default 'json');
create table proxy (id integer primary key, addr text, port integer);
create table directory (id integer primary key, base text, index_file text, default_ctype text, cache_ttl integer default 0);
create table route (id integer primary key, path text, reversed boolean default 0, host_id integer, target_id integer, target_type text);
create table setting (id integer primary key, key text, value text);
create table mimetype (id integer primary key, mimetype text, extension text);
create table filter (id integer primary key, server_id integer, name text, settings text);
`;

/** A folder with a config.sqlite that has these rows, given in SQL; null if there is no `sqlite3`, and then the test is skipped. */
export function databaseFolder(
  t: TestContext,
  rows: string,
  files: Readonly<Record<string, string>> = {},
): string | null {
  const sqlite = requirePeer(t, 'sqlite3');
  if (sqlite === null) return null;
  const folder = temporaryFolder(t, files);
  const { status, stderr } = spawnSync(sqlite, [join(folder, 'config.sqlite')], {
    input: SCHEMA + rows,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return folder;
}
