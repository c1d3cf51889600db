import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, linkSync, lstatSync, readFileSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { UnixAddress } from './bind-address.ts';
import { type FileId, fileAt } from './listening-sockets.ts';

/** Names that `bindUnix` binds first: four random bytes. */
const TEMPORARY = /^\.[\w-]{6}$/;

/** Whether a path is one that `bindUnix` binds first, which the system goes on to list as the name of the socket. */
export function isTemporarySocket(path: string): boolean {
  return TEMPORARY.test(basename(path));
}

/**
 * Binds a unix socket with its owner and mode. It gets its name last, so no client meets it before; and since libuv knows it by the temporary name
 * only, its file stays when the listener closes: another process may be listening on it by then.
 * @param bind binds the socket to a path
 * @returns the file; null for a name in the abstract namespace
 * @throws Error when the name is taken by another program or file, or cannot be used
 */
export async function bindUnix(address: UnixAddress, bind: (path: string) => Promise<void>): Promise<FileId | null> {
  const { path, mode } = address;
  if (path.startsWith('\0')) {
    await bind(path);
    return null;
  }
  const owner = address.user === null ? -1 : lookUpId('/etc/passwd', address.user);
  const group = address.group === null ? -1 : lookUpId('/etc/group', address.group);
  const folder = dirname(path);
  // Node says EACCES where the folder is missing.
  statSync(folder);
  // A short name: there is room for 107 bytes. Node takes a path that reads as a number for a port; this one begins with a dot.
  const temporary = join(folder, `.${randomBytes(4).toString('base64url')}`);
  await bind(temporary);
  try {
    if (owner !== -1 || group !== -1) chownSync(temporary, owner, group);
    if (mode !== null) chmodSync(temporary, mode);
    if (await isStale(path)) unlinkSync(path);
    giveName(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
  return fileAt(path);
}

/** Renames a file, unless there is one of that name. */
function giveName(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new Error('address already in use');
    // A file system without hard links.
    if (fileAt(to) !== null) throw error;
    renameSync(from, to);
    return;
  }
  unlinkSync(from);
}

/** Whether `path` is a socket file without a listener. */
function isStale(path: string): Promise<boolean> {
  // Connecting to a file of another kind is refused just the same.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** The number of a user's or group's name; Node has no call for it. */
function lookUpId(file: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [entry, , id] = line.split(':');
    if (entry === name && id !== undefined) return Number(id);
  }
  throw new Error(`no ${name} in ${file}`);
}
