import { closeSync, lstatSync, unlinkSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { ListenAddress } from './bind-address.ts';

/** A socket file, wherever it has been moved to. */
export interface FileId {
  readonly dev: number;
  readonly ino: number;
}

/** A listening socket that passes from one process to another, as plain data. */
export interface PassedSocket {
  /** What it listens on, as it was asked for: `127.0.0.1:7999`, `*:0`, `unix:/path`; or as it is bound. */
  readonly address: string;
  /** Its file descriptor in the process that is given it. */
  readonly fd: number;
  /** The file of a unix socket, which the process removes when it stops listening; null for none that it would remove. */
  readonly file: FileId | null;
}

/** What a socket that listens on all interfaces, or on a host with a name, may be bound to. */
const SAME_HOSTS: Readonly<Record<string, readonly string[]>> = {
  '*': ['[::]', '0.0.0.0'],
  localhost: ['127.0.0.1', '[::1]'],
};

/** A listening socket of this process. */
interface OpenSocket {
  readonly address: string;
  readonly fd: number;
  /** Path of a unix socket; empty for none. */
  readonly path: string;
  readonly file: FileId | null;
  /** Whether no other process is to listen on it. */
  readonly isPrivate: boolean;
  readonly stop: () => void;
}

/**
 * The listening sockets of this process. It may have been given some, by the process that it replaces, by the one that it works for, or by the
 * service manager: whoever listens on the address of one gets it instead of a new one, so that not one connection is refused in between.
 */
class ListeningSockets {
  readonly #open = new Set<OpenSocket>();
  #passed: readonly PassedSocket[] = [];
  #handedOn = false;

  /** Notes sockets that this process was given. */
  accept(sockets: readonly PassedSocket[]): void {
    this.#passed = [...this.#passed, ...sockets];
  }

  /** The first socket that was given for an address, if there is one left. */
  take(address: ListenAddress): PassedSocket | undefined {
    const found = this.#passed.find((socket) => isFor(socket.address, address));
    this.#passed = this.#passed.filter((socket) => socket !== found);
    return found;
  }

  /** Closes the sockets that nobody has taken. Returns what they listened on. */
  closeUntaken(): readonly string[] {
    const untaken = this.#passed;
    this.#passed = [];
    for (const { address, fd, file } of untaken) {
      closeSync(fd);
      if (address.startsWith('unix:')) removeFile(address.slice('unix:'.length), file);
    }
    return untaken.map(({ address }) => address);
  }

  /**
   * Notes that a socket listens from now on.
   * @param close has this process listen on it no longer
   * @param isPrivate whether no other process is to listen on it
   * @returns what does the same, and removes the file of a unix socket; it may be called again
   */
  add(address: ListenAddress, fd: number, file: FileId | null, close: () => void, isPrivate = false): () => void {
    const path = address.kind === 'unix' ? address.path : '';
    const stop = (): void => {
      if (!this.#open.delete(socket)) return;
      close();
      if (!this.#handedOn || isPrivate) removeFile(path, file);
    };
    const socket: OpenSocket = { address: describeAddress(address), fd, path, file, isPrivate, stop };
    this.#open.add(socket);
    return stop;
  }

  /** All that another process may listen on, in the order in which they began. */
  get all(): readonly PassedSocket[] {
    const shared = [...this.#open].filter(({ isPrivate }) => !isPrivate);
    return shared.map(({ address, fd, file }) => ({ address, fd, file }));
  }

  /** Another process listens on the same sockets: this one stops, and leaves the files of unix sockets to it. */
  handOn(): void {
    this.#handedOn = true;
    for (const { isPrivate, stop } of this.#open) if (!isPrivate) stop();
  }

  /** This process ends without closing its sockets: removes their files. */
  removeFiles(): void {
    for (const { path, file, isPrivate } of this.#open) {
      if (!this.#handedOn || isPrivate) removeFile(path, file);
    }
  }
}

/** Those of this process. There is one set, since descriptors belong to the process. */
export const listeningSockets = new ListeningSockets();

/** An address as texts show it: `127.0.0.1:7999`, `[::1]:7999`, `*:7999`, `unix:/path`. */
export function describeAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${address.host === null ? '*' : hostText(address.host)}:${address.port}`;
}

/** RFC 3986 §3.2.2: an IPv6 literal is in brackets wherever a port may follow. */
export function hostText(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** The file at `path`; null for nothing, and for a name in the abstract namespace, which begins with a zero byte. */
export function fileAt(path: string): FileId | null {
  if (path === '' || path.startsWith('\0')) return null;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : { dev: stats.dev, ino: stats.ino };
}

function isFor(text: string, address: ListenAddress): boolean {
  if (text === describeAddress(address)) return true;
  if (address.kind === 'unix') return false;
  const names = SAME_HOSTS[address.host ?? '*'] ?? [];
  return names.some((name) => text === `${name}:${address.port}`);
}

/** Removes a socket file, unless another one has its place. */
function removeFile(path: string, file: FileId | null): void {
  if (file === null) return;
  try {
    const now = fileAt(path);
    if (now?.ino === file.ino && now.dev === file.dev) unlinkSync(path);
  } catch {
    // The next start finds that nobody listens there, and replaces it.
  }
}
