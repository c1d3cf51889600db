import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { WebSocketServer as Server } from 'ws';
import { serveCalls } from '../support/calls.ts';

/** An origin that sends every WebSocket message back, made with `ws`. */
export interface EchoOrigin {
  /** Listens on a free port of the loopback address, which it returns. The argument is the folder whose `node_modules` has `ws`. */
  listen(root: string): Promise<number>;
}

serveCalls<EchoOrigin>({
  listen(root) {
    // The compiled program is in a temporary folder, from which no package is found.
    const { WebSocketServer } = createRequire(`${root}/package.json`)('ws') as { WebSocketServer: typeof Server };
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', backlog: 4096, perMessageDeflate: false });
    server.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    return new Promise((resolve) => server.once('listening', () => resolve((server.address() as AddressInfo).port)));
  },
});
