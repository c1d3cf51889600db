import type { Socket } from 'node:net';
import { OriginConnection } from './origin-connection.ts';

/** A connection to an origin that is for one WebSocket: no pool ever has it, and it may end in order. */
export class WebSocketLink extends OriginConnection {
  #stream: Socket | null = null;

  override onConnected(socket: Socket): void {
    this.#stream = socket;
    super.onConnected(socket);
  }

  /** Whether so much is written that the kernel has not taken that its writer should wait: `onDrain` follows. */
  get full(): boolean {
    const socket = this.#stream as Socket;
    // Node still says that it needs to be drained when the kernel has taken all.
    return socket.writableNeedDrain && socket.writableLength > 0;
  }

  /** Sends FIN behind what is written. */
  end(): void {
    this.#stream?.end();
  }
}
