import type { Socket } from 'node:net';
import { type Command, encodePong, parseError, parsePing, ZmtpError } from '../codec/zmtp/index.ts';
import type { PeerWatch } from './peer-watch.ts';
import type { Pipe, PipeOwner } from './pipe.ts';

/** The commands between a socket and one of its peers: obeys those of the peer, and has those for it leave with the next write. */
export class PeerCommands {
  readonly #pipe: Pipe;
  readonly #owner: PipeOwner;
  readonly #watch: PeerWatch;
  #waiting: Buffer[] = [];
  /** Reply to the last PING. Only one: a peer that sends PINGs but does not read costs nothing. */
  #pong: Buffer | null = null;

  constructor(pipe: Pipe, owner: PipeOwner, watch: PeerWatch) {
    this.#pipe = pipe;
    this.#owner = owner;
    this.#watch = watch;
  }

  /** Whether one is to be written. */
  get wait(): boolean {
    return this.#pong !== null || this.#waiting.length > 0;
  }

  send(command: Buffer): void {
    this.#waiting.push(command);
    this.#pipe.flushLater();
  }

  /** Writes those that wait. */
  writeTo(socket: Socket): void {
    if (this.#pong !== null) socket.write(this.#pong);
    for (const command of this.#waiting) socket.write(command);
    this.#pong = null;
    this.#waiting = [];
  }

  /** Does what the peer says. @throws ZmtpError for a command that ends the connection */
  obey({ name, data }: Command): void {
    switch (name) {
      case 'PING': {
        const { ttlMs, context } = parsePing(data);
        this.#watch.pinged(ttlMs);
        this.#pong = encodePong(Buffer.from(context));
        this.#pipe.flushLater();
        break;
      }
      case 'PONG':
        break;
      case 'SUBSCRIBE':
      case 'CANCEL':
        this.#owner.onPipeSubscription(this.#pipe, data, name === 'SUBSCRIBE');
        break;
      case 'ERROR':
        throw new ZmtpError('refused', `the peer refused: ${parseError(data)}`);
      case 'READY':
        throw new ZmtpError('unexpected', 'a second handshake');
      default:
        // Later versions may add commands; ignoring them is harmless.
        this.#owner.context.counters.commandsUnexpected++;
    }
  }
}
