import type { Socket } from 'node:net';
import { OriginConnection } from './origin-connection.ts';

/** A connection to an origin for one WebSocket: it is never pooled, and it can send FIN. */
export class WebSocketLink extends OriginConnection {
  #stream: Socket | null = null;

  override onConnected(socket: Socket): void {
    this.#stream = socket;
    super.onConnected(socket);
  }

  /** Whether the writer should wait for the kernel to accept its data: `onDrain` follows. */
  get full(): boolean {
    const socket = this.#stream as Socket;
    // Node still reports that it needs a drain when the kernel has accepted everything.
    return socket.writableNeedDrain && socket.writableLength > 0;
  }

  /** Sends FIN after what is written. */
  end(): void {
    this.#stream?.end();
  }
}
