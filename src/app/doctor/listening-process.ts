import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ListenAddress } from '../../config/index.ts';
import { isTemporarySocket } from '../../net/index.ts';

/** A process that listens somewhere. */
export interface ListeningProcess {
  /** Null where it is one of several Holdfasts. */
  readonly pid: number | null;
  /** Its command line. */
  readonly command: string;
}

/** State of a listening socket in /proc/net/tcp. */
const LISTEN = '0A';

/** The process that listens on an address; null where it cannot be seen: another user's, or no Linux. */
export function listeningProcess(address: ListenAddress): ListeningProcess | null {
  try {
    return address.kind === 'unix' ? ownerOfPath(address.path) : ownerOf(tcpInodes(address.port));
  } catch {
    return null;
  }
}

function tcpInodes(port: number): Set<string> {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of linesOf(file)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === LISTEN && local.endsWith(ending)) inodes.add(inode);
    }
  }
  return inodes;
}

/** Holdfast binds a temporary name in the same folder, and the system goes on to list that: which of several it is cannot be seen. */
function ownerOfPath(path: string): ListeningProcess | null {
  const sockets = new Map<string, Set<string>>();
  for (const line of linesOf('/proc/net/unix')) {
    const [, , , , , , inode = '', name = ''] = line.trim().split(/\s+/);
    if (name !== path && (!isTemporarySocket(name) || dirname(name) !== dirname(path))) continue;
    sockets.set(name, (sockets.get(name) ?? new Set()).add(inode));
  }
  const named = sockets.get(path);
  if (named !== undefined) return ownerOf(named);
  const owners = [...sockets.values()].flatMap((inodes) => ownerOf(inodes) ?? []);
  const [first = null] = owners;
  return first === null || owners.every(({ pid }) => pid === first.pid) ? first : { ...first, pid: null };
}

function ownerOf(inodes: ReadonlySet<string>): ListeningProcess | null {
  if (inodes.size === 0) return null;
  const names = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || !hasOpen(pid, names)) continue;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return { pid: Number(pid), command };
  }
  return null;
}

function hasOpen(pid: string, names: ReadonlySet<string>): boolean {
  let files: string[];
  try {
    files = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return false;
  }
  return files.some((file) => {
    try {
      return names.has(readlinkSync(`/proc/${pid}/fd/${file}`));
    } catch {
      return false;
    }
  });
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n').slice(1, -1);
  } catch {
    return [];
  }
}
