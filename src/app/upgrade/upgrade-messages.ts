import type { PassedSocket } from '../../net/index.ts';

/**
 * What the old process tells the new one. The channel between them keeps the order of everything, also of the handles of sockets, which go with the
 * message that they belong to.
 */
export type OldProcessMessage =
  /** The listening sockets, by their descriptors in the new process. The answer to `loaded`. */
  | { readonly kind: 'listening'; readonly sockets: readonly PassedSocket[] }
  /** One client of a batch, with the handle of its socket: it is the new process's from here on, unless its batch is not acknowledged. */
  | { readonly kind: 'client'; readonly id: string; readonly state: MovedState }
  /** The end of a batch: what was sent since the last one. */
  | { readonly kind: 'batch'; readonly batch: number }
  /** The new process orders the items from here on. */
  | { readonly kind: 'swap'; readonly state: MovedState }
  /** The old process has stopped accepting: the new one is the main process. Nothing is taken back after this. */
  | { readonly kind: 'done' };

/** What the new process tells the old one. */
export type NewProcessMessage =
  /** Its configuration has been read, and can be used. */
  | { readonly kind: 'loaded' }
  /** It accepts connections. */
  | { readonly kind: 'ready' }
  /** It cannot start, and ends. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It has the clients of a batch, except for these, which go on with the old process. */
  | { readonly kind: 'taken'; readonly batch: number; readonly refused: readonly string[] }
  /** It orders the items now. */
  | { readonly kind: 'swapped' };

/** State as plain data: values, arrays, objects without prototype, Maps, Sets and Buffers. */
export type MovedState = unknown;
