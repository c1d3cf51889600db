import { rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

/** Names of sockets: those of processes in event ids. */
const NAME = /^[0-9a-f]{8}$/;

/**
 * Removes the sockets in a folder that nobody listens on: a process that was killed leaves its own. One that is being made has another name until
 * somebody listens on it.
 * @returns how many were removed
 * @throws Error when the folder cannot be read
 */
export async function sweepSockets(folder: string): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder)) {
    if (!NAME.test(name)) continue;
    const path = join(folder, name);
    if (!(await isDeserted(path))) continue;
    rmSync(path, { force: true });
    removed++;
  }
  return removed;
}

function isDeserted(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
}
