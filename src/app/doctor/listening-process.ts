import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ListenAddress } from '../../config/index.ts';

/** A process that listens somewhere. */
export interface ListeningProcess {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** State of a listening socket in /proc/net/tcp. */
const LISTEN = '0A';

/** The process that listens on an address; null where it cannot be seen: another user's, or no Linux. */
export function listeningProcess(address: ListenAddress): ListeningProcess | null {
  try {
    const inodes = address.kind === 'unix' ? unixInodes(address.path) : tcpInodes(address.port);
    return inodes.size === 0 ? null : ownerOf(inodes);
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

function unixInodes(path: string): Set<string> {
  const inodes = new Set<string>();
  for (const line of linesOf('/proc/net/unix')) {
    const [, , , , , , inode = '', name] = line.trim().split(/\s+/);
    if (name === path) inodes.add(inode);
  }
  return inodes;
}

function ownerOf(inodes: ReadonlySet<string>): ListeningProcess | null {
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
