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

/**
 * Stops reading a socket; what was read and waits in its buffer is given to its `data` listeners.
 * @returns reads on as before
 */
export function stopReading(socket: Socket, handle: SocketHandle): () => void {
  // The stream may begin to read at that, so it is stopped after it.
  if (socket.readableLength > 0) socket.read();
  const { reading } = handle;
  handle.readStop();
  handle.reading = false;
  return () => {
    if (!reading || handleOf(socket) !== handle) return;
    handle.reading = true;
    handle.readStart();
  };
}
