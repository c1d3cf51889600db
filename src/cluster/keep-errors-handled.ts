import type { Socket } from 'node:net';

/**
 * Keeps a listener for errors at a socket of the library of NATS. The library removes all listeners before it destroys a socket, and what was written just after the broker had ended the connection fails
 * a moment later: an error without a listener would end the process.
 */
export function keepErrorsHandled(socket: Socket): void {
  const removeAll = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...events) => {
    removeAll(...events);
    return socket.on('error', ignore);
  };
}

/** That the connection has ended is known already. */
function ignore(): void {}
