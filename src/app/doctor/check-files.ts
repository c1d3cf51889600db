import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Config, type Mongrel2Server, stateFolder } from '../../config/index.ts';
import { systemErrorText } from '../../exchange/index.ts';
import { checkHistory } from './check-history.ts';
import { type Finding, Findings } from './finding.ts';

/** Whether the server may read and write its files. */
export function checkFiles({ accessLog, proxy, state, edge, history }: Config): Finding[] {
  const findings = new Findings('file');
  const { to } = accessLog;
  if (to.startsWith('/')) checkWritable(to, 'the access log', findings);
  checkFolder(stateFolder(state, process.env), findings);
  if (proxy.routesFile !== '') checkReadable(resolve(proxy.routesFile), findings);
  if (history.store === 'disk') checkHistory(history, findings);
  for (const site of edge.mongrel2) checkSite(site, findings);
  return findings.all;
}

/** The files of a Mongrel2 server. */
function checkSite({ accessLog, errorLog, pidFile, settings, hosts }: Mongrel2Server, findings: Findings): void {
  if (accessLog !== null && settings.accessLogging) checkWritable(accessLog, 'the access log', findings);
  if (errorLog !== null) checkWritable(errorLog, 'the error log', findings);
  if (pidFile !== null) checkWritable(pidFile, 'the pid file', findings);
  const { uploadTempStore: uploads } = settings;
  if (uploads !== null && !settings.uploadStream) checkWritable(uploads, 'uploads', findings);
  const targets = hosts.flatMap(({ routes }) => routes.map(({ target }) => target));
  for (const folder of new Set(targets.flatMap((target) => (target.kind === 'dir' ? [target.base] : [])))) {
    try {
      accessSync(folder, constants.R_OK | constants.X_OK);
      findings.ok(folder, 'this user can read the files that are served');
    } catch (error) {
      findings.warn(folder, systemErrorText(error), 'create the folder: its routes respond with 404 until then');
    }
  }
}

function checkWritable(path: string, what: string, findings: Findings): void {
  const exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
  try {
    if (exists) accessSync(path, constants.W_OK);
    else accessSync(dirname(path), constants.W_OK | constants.X_OK);
    findings.ok(path, `this user can write ${what}`);
  } catch (error) {
    const text = `this user cannot write ${what}: ${systemErrorText(error)}`;
    findings.fail(path, text, `create ${dirname(path)}, owned by the user of the server`);
  }
}

/** The folder is made when it is needed, so the one above it matters until then. */
function checkFolder(folder: string, findings: Findings): void {
  const there = statSync(folder, { throwIfNoEntry: false });
  try {
    accessSync(there === undefined ? dirname(resolve(folder)) : folder, constants.W_OK | constants.X_OK);
    findings.ok(
      folder,
      there === undefined ? 'the state can be kept there: it is made when needed' : 'the state can be kept there',
    );
  } catch (error) {
    const text = `what is changed while the server runs cannot be kept: ${systemErrorText(error)}`;
    findings.warn(folder, text, 'set dir under [state] to a folder of the user of the server');
  }
  if (there !== undefined && (there.mode & 0o007) !== 0) {
    findings.warn(folder, 'other users of this host have access', `it may hold keys, run: chmod o= ${folder}`);
  }
}

function checkReadable(path: string, findings: Findings): void {
  try {
    accessSync(path, constants.R_OK);
    findings.ok(path, 'this user can read it');
  } catch (error) {
    findings.fail(path, systemErrorText(error), 'create it, or correct routes_file under [proxy]');
  }
}
