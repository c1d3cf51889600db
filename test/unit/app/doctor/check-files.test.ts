import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { checkFiles } from '../../../../src/app/doctor/check-files.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const states = (toml: string) => checkFiles(loadConfig(toml, 'f')).map(({ subject, status }) => [subject, status]);

test('Files that can be written and read are ok, and those that cannot are failures', (t) => {
  const folder = temporaryFolder(t, { routes: '', log: '' });
  mkdirSync(`${folder}/state`, { mode: 0o700 });
  const toml = (log: string, routes: string) =>
    `[access_log]\nto = "${log}"\n[state]\ndir = "${folder}/state"\n[proxy]\nroutes_file = "${routes}"\n`;
  const state = [`${folder}/state`, 'ok'];
  assert.deepEqual(states(toml(`${folder}/log`, `${folder}/routes`)), [
    [`${folder}/log`, 'ok'],
    state,
    [`${folder}/routes`, 'ok'],
  ]);
  assert.deepEqual(states(toml(`${folder}/none/log`, `${folder}/none`)), [
    [`${folder}/none/log`, 'fail'],
    state,
    [`${folder}/none`, 'fail'],
  ]);
});

test('A state folder that others can enter is a warning', (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  assert.deepEqual(states(`[state]\ndir = "${folder}"\n`), [
    [folder, 'ok'],
    [folder, 'warn'],
  ]);
});

test('the files of a Mongrel2 server that cannot be written are failures, and a folder that is missing is a warning', (t) => {
  const folder = temporaryFolder(t, { 'site/index.html': '', 'logs/x': '' });
  const toml = (at: string) => `[state]
dir = "${folder}/state"
[[edge.mongrel2]]
listen = "127.0.0.1:0"
default_host = "h"
access_log = "${at}/access.log"
error_log = "${at}/error.log"
pid_file = "${at}/pid"
[edge.mongrel2.settings]
upload_temp_store = "${at}/upload.XXXXXX"
[[edge.mongrel2.host]]
name = "h"
route = [{ path = "/", dir = "${folder}/site" }, { path = "/a", dir = "${at}/site" }]
`;
  const names = ['access.log', 'error.log', 'pid', 'upload.XXXXXX'];
  const [, ...fine] = states(toml(`${folder}/logs`));
  assert.deepEqual(fine, [
    ...names.map((name) => [`${folder}/logs/${name}`, 'ok']),
    [`${folder}/site`, 'ok'],
    [`${folder}/logs/site`, 'warn'],
  ]);
  const [, ...bad] = states(toml(`${folder}/none`));
  assert.deepEqual(
    bad.slice(0, 4),
    names.map((name) => [`${folder}/none/${name}`, 'fail']),
  );
});
