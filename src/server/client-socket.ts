import { Socket } from 'node:net';
import { fault } from '../clock/index.ts';
import type { Connection } from './served-connection.ts';

export const CONNECTION = Symbol('connection');
export const PLACE = Symbol('place');

/** It waits for its turn. */
export const WAITING = 0;
/** It has its turn. */
export const SERVED = 1;
/** It has had its turn, and waits for the client to close. */
export const LINGERING = 2;
/** It is being informed that it gets no turn. */
export const REFUSED = 3;

export type Place = typeof WAITING | typeof SERVED | typeof LINGERING | typeof REFUSED;

/** A client's socket with the connection that owns it, which gets its events. */
export interface ClientSocket extends Socket {
  [CONNECTION]: Connection;
  [PLACE]: Place;
}

/** Lets `connection` have `socket`, which was just accepted and waits for its turn. */
export function own(socket: ClientSocket, connection: Connection, onClose: () => void): void {
  socket[CONNECTION] = connection;
  socket[PLACE] = WAITING;
  socket.on('error', onError);
  socket.on('close', onClose);
  socket.on('data', onData);
  socket.push = push;
  socket.on('end', onEnd);
}

/**
 * Node calls it with what it has read. While nothing waits in the socket's buffer the connection gets it at once: the buffer, the `data` event
 * and the look for more at the end of the tick cost as much as the rest of Node's work for a read.
 */
function push(this: Socket, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
  if (chunk === null || this.readableFlowing !== true || this.readableLength > 0) {
    return Socket.prototype.push.call(this, chunk, encoding);
  }
  onData.call(this, chunk);
  return true;
}

function onData(this: Socket, chunk: Buffer): void {
  try {
    (this as ClientSocket)[CONNECTION].onInput(chunk);
  } catch (thrown) {
    fault((this as ClientSocket)[CONNECTION], thrown);
  }
}

function onEnd(this: Socket): void {
  try {
    (this as ClientSocket)[CONNECTION].onInputEnd();
  } catch (thrown) {
    fault((this as ClientSocket)[CONNECTION], thrown);
  }
}

export function onDrain(this: Socket): void {
  try {
    (this as ClientSocket)[CONNECTION].onDrain();
  } catch (thrown) {
    // Another connection may have taken over within the call.
    fault((this as ClientSocket)[CONNECTION], thrown);
  }
}

/** A reset or a failed write: `close` follows and does what is to be done. */
function onError(): void {}
