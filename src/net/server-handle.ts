import { lookup } from 'node:dns/promises';
import { readFileSync, readlinkSync } from 'node:fs';
import net, { isIP, isIPv6 } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { systemErrorText } from '../exchange/index.ts';
import type { ListenAddress } from './bind-address.ts';
import { describeAddress, hostText, listeningSockets } from './listening-sockets.ts';
import { bindUnix } from './unix-listener.ts';

/** What a `net.Server` has inside: a socket that is bound, and not listened on here. */
interface ServerHandle {
  readonly fd: number;
  /** Not for unix sockets. Returns an error number of libuv. */
  getsockname?(out: { address?: string; port?: number }): number;
  close(): void;
}

/** How `node:cluster` makes the sockets that its workers share. Node has no documented call that binds a socket without accepting on it. */
const { _createServerHandle: createHandle } = net as unknown as {
  readonly _createServerHandle: (
    address: string | null,
    port: number | null,
    family: number | null,
    fd?: number,
  ) => ServerHandle | number;
};

/** A socket that other processes accept on. */
export interface ReservedSocket {
  /** Its descriptor in this process. */
  readonly fd: number;
  readonly address: string;
  /** Gives it up: its file is removed, and the address is free once no other process has it. */
  close(): void;
}

/**
 * Binds `address`, or takes the socket that this process was given for it, without accepting: that is for the processes that it is passed to.
 * @throws Error that names the address, if it cannot be bound
 */
export async function reserve(address: ListenAddress): Promise<ReservedSocket> {
  const taken = listeningSockets.take(address);
  try {
    let handle: ServerHandle | undefined;
    let file = taken?.file ?? null;
    if (taken !== undefined) handle = checked(createHandle(null, null, null, taken.fd));
    else if (address.kind === 'tcp') handle = await bindTcp(address);
    else {
      file = await bindUnix(address, async (path) => {
        handle = checked(createHandle(path, -1, -1));
      });
    }
    const bound = handle as ServerHandle;
    const close = listeningSockets.add(address, bound.fd, file, () => bound.close());
    return { fd: bound.fd, address: addressOf(bound) ?? describeAddress(address), close };
  } catch (error) {
    throw new Error(`cannot listen on ${describeAddress(address)}: ${systemErrorText(error)}`);
  }
}

/** What the socket with this descriptor is bound to; null if it is no socket that one can listen on. */
export function boundAddress(fd: number): string | null {
  let handle: ServerHandle | number;
  try {
    handle = createHandle(null, null, null, fd);
  } catch {
    return null;
  }
  // It is not closed: that would close the descriptor.
  return typeof handle === 'number' ? null : (addressOf(handle) ?? unixAddressOf(fd));
}

async function bindTcp({ host, port }: ListenAddress & { kind: 'tcp' }): Promise<ServerHandle> {
  const address = host === null || isIP(host) ? host : (await lookup(host)).address;
  const family = address === null ? -1 : isIPv6(address) ? 6 : 4;
  const handle = checked(createHandle(address, port, family));
  // That the address is in use shows only now.
  const error = handle.getsockname?.({}) ?? 0;
  if (error !== 0) {
    handle.close();
    throw systemError(error);
  }
  return handle;
}

function addressOf(handle: ServerHandle): string | null {
  const out: { address?: string; port?: number } = {};
  if (handle.getsockname?.(out) !== 0) return null;
  return `${hostText(out.address ?? '')}:${out.port}`;
}

/** The kernel's list says which path a unix socket is bound to: Node does not. */
function unixAddressOf(fd: number): string | null {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    const line = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .find((each) => each.split(/ +/)[6] === inode);
    const path = line?.split(/ +/).slice(7).join(' ') ?? '';
    return path === '' ? null : `unix:${path.startsWith('@') ? `\0${path.slice(1)}` : path}`;
  } catch {
    return null;
  }
}

function checked(handle: ServerHandle | number): ServerHandle {
  if (typeof handle === 'number') throw systemError(handle);
  return handle;
}

function systemError(errno: number): Error {
  const [code, message] = getSystemErrorMap().get(errno) ?? ['', `error ${errno}`];
  return Object.assign(new Error(message), { errno, code });
}
