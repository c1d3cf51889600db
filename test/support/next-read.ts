import type { Socket } from 'node:net';

/** Resolves when a server has been given the next bytes from `socket`, its end of a client's connection: there is no `data` event for them. */
export function nextRead(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const { push } = socket;
    socket.push = (chunk, encoding) => {
      socket.push = push;
      const goOn = socket.push(chunk, encoding);
      resolve();
      return goOn;
    };
  });
}
