import { join, relative } from 'node:path';

const IPC = 'ipc://';

/** Where `path` is inside `root`, which it cannot leave, as with chroot. Without a root, and if empty, it stays as it is. */
export function inRoot(root: string, path: string): string {
  return root === '' || path === '' ? path : join(root, join('/', path));
}

/** What `inRoot` made `path` of, in its shortest form. */
export function belowRoot(root: string, path: string): string {
  if (root === '' || path === '') return path;
  const below = relative(root, path) || '.';
  return path.endsWith('/') ? `${below}/` : below;
}

/** As `inRoot` for the socket file of an endpoint. Other endpoints stay as they are, and so do names (`ipc://@NAME`), which are no files. */
export function endpointInRoot(root: string, endpoint: string): string {
  return isFile(endpoint) ? IPC + inRoot(root, endpoint.slice(IPC.length)) : endpoint;
}

/** As `belowRoot` for endpoints. */
export function endpointBelowRoot(root: string, endpoint: string): string {
  return isFile(endpoint) ? IPC + belowRoot(root, endpoint.slice(IPC.length)) : endpoint;
}

function isFile(endpoint: string): boolean {
  return endpoint.startsWith(IPC) && !endpoint.startsWith('@', IPC.length);
}
