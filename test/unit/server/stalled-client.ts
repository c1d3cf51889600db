import { turn } from '../../support/manual-clock.ts';
import type { Opened } from './raw-websocket.ts';

/** Sends to a client that takes nothing, as fast as credit allows, until its socket is full. */
export async function fillSocket({ client, webSocket }: Opened): Promise<void> {
  client.socket.pause();
  for (;;) {
    while (webSocket.credits >= 8_192) webSocket.message(Buffer.alloc(8_192));
    await turn();
    await turn();
    if (webSocket.credits < 8_192) return;
  }
}
