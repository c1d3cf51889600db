import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Pids of the processes that a process has started, oldest first. Linux only. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** The worker of a server that has its end of a loopback connection; 0 for none. Which one accepts it is up to the system, and far from even. */
export function workerOf(server: number, serverPort: number, clientPort: number): number {
  const inode = inodeOf(serverPort, clientPort);
  return childrenOf(server).find((pid) => hasSocket(pid, inode)) ?? 0;
}

/** The inode of the server's socket of a loopback connection, from its ports. */
function inodeOf(serverPort: number, clientPort: number): string {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
    if (local.endsWith(`:${hex(serverPort)}`) && remote.endsWith(`:${hex(clientPort)}`)) return inode;
  }
  return '';
}

function hasSocket(pid: number, inode: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
    } catch {
      return false;
    }
  });
}
