import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/index.ts';
import { systemErrorText } from '../../exchange/index.ts';
import { examineFolder, StoreError } from '../../history/index.ts';
import type { Findings } from './finding.ts';

/** The files may take so many times what is kept, until what is not needed any more is removed. */
const ROOM = 2;

/** Whether the history of channels can be kept in its folder, and whether there is room for it. */
export function checkHistory({ path, maxBytes }: Config['history'], findings: Findings): void {
  const there = nearest(path);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    if (there !== path) {
      findings.ok(path, 'the history can be kept there: the folder is made when needed');
      return;
    }
    accessSync(path, constants.R_OK);
    const { holder, free } = examineFolder(path);
    const state = holder === null ? 'the history can be kept there' : `the process ${holder} keeps its history there`;
    findings.ok(path, state);
    if (holder === null && free < ROOM * maxBytes) warnOfRoom(path, free, maxBytes, findings);
  } catch (error) {
    const isOther = error instanceof StoreError;
    const text = isOther ? error.message : `the history cannot be kept there: ${systemErrorText(error)}`;
    const advice = isOther
      ? 'correct path under [history]'
      : `create ${path}, owned by the user of the server, or correct path under [history]`;
    findings.fail(path, text, advice);
  }
}

function warnOfRoom(path: string, free: number, maxBytes: number, findings: Findings): void {
  const text = `${free} bytes are free, and the history may take ${ROOM * maxBytes}`;
  findings.warn(
    path,
    text,
    'make room, or lower max_bytes under [history]: without room items are kept in memory only',
  );
}

/** The path, or the nearest folder above it that is there. */
function nearest(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
