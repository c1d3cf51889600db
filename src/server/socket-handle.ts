import { Socket } from 'node:net';

/** The part of a socket that is passed to another process. Node has no other name for it. */
export interface SocketHandle {
  reading: boolean;
  readStart(): void;
  readStop(): void;
  close(): void;
}

/** The handle of a socket; null for one that is closed. */
export function handleOf(socket: Socket): SocketHandle | null {
  return (socket as unknown as { readonly _handle: SocketHandle | null })._handle;
}

/** A socket with a handle that another process has passed. It reads nothing before somebody wants its data. */
export function socketOf(handle: SocketHandle, highWaterMark: number): Socket {
  const options = { handle, manualStart: true, allowHalfOpen: true };
  return new Socket({
    ...options,
    readableHighWaterMark: highWaterMark,
    writableHighWaterMark: highWaterMark,
  } as object);
}
