import type { PushPeer } from '../zmq/index.ts';
import type { ClientInput } from './client-input.ts';
import type { HandlerTie } from './handler-tie.ts';
import type { WaitingMessage } from './untaken-messages.ts';

/** Whose messages it passes on. */
export interface FeedOwner {
  /** No handler took a message in time: the connection ends. */
  onUntaken(): void;
  onFault(thrown: unknown): void;
}

/** Passes the messages of one client on to handlers. While one waits for a handler the client is not read, so no other comes. */
export class InputFeed implements WaitingMessage {
  message: Buffer | string = '';
  peer: PushPeer | null = null;
  readonly #owner: FeedOwner;
  readonly #input: ClientInput;
  /** The handler of the message that waits; null if none waits. */
  #tie: HandlerTie | null = null;

  constructor(owner: FeedOwner, input: ClientInput) {
    this.#owner = owner;
    this.#input = input;
  }

  send(tie: HandlerTie, message: Buffer | string): void {
    if (tie.send(message)) return;
    this.message = message;
    this.peer = tie.peer;
    if (!tie.sockets.wait(this)) {
      this.onUntaken();
      return;
    }
    this.#tie = tie;
    this.#input.pause(true);
  }

  onTaken(peer: PushPeer): void {
    this.#tie?.taken(peer);
    this.#forget();
    this.#input.pause(false);
  }

  onUntaken(): void {
    this.#forget();
    this.#owner.onUntaken();
  }

  /** The connection is closed: what waits is dropped. */
  end(): void {
    this.#tie?.sockets.withdraw(this);
    this.#forget();
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }

  #forget(): void {
    this.#tie = null;
    this.message = '';
  }
}
