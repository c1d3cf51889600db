import type { Pipe } from './pipe.ts';
import type { ZmqContext, ZmqOptions } from './zmq-options.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** PULL (RFC 30): takes messages from PUSH sockets. */
export class PullSocket extends ZmqSocket {
  readonly type = 'PULL';
  readonly #onMessage: (parts: Buffer[]) => void;

  constructor(context: ZmqContext, options: Partial<ZmqOptions>, onMessage: (parts: Buffer[]) => void) {
    super(context, options);
    this.#onMessage = onMessage;
  }

  protected override onPipeMessage(_pipe: Pipe, parts: Buffer[]): void {
    this.#onMessage(parts);
  }
}
