import type { PushPeer } from '../zmq/index.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import type { SiteContext } from './site-context.ts';
import type { WaitingMessage } from './untaken-messages.ts';

/** A notice that waits for its handler. */
class WaitingNotice implements WaitingMessage {
  readonly message: string;
  readonly peer: PushPeer | null;
  readonly #context: SiteContext;

  constructor(context: SiteContext, message: string, peer: PushPeer | null) {
    this.#context = context;
    this.message = message;
    this.peer = peer;
  }

  onTaken(): void {}

  onUntaken(): void {
    this.#context.counters.noticesDropped++;
  }

  onFault(thrown: unknown): void {
    this.#context.fault(thrown);
  }
}

/** What ties one connection to one handler that has been given it. */
export class HandlerTie {
  readonly sockets: HandlerSockets;
  /** The process that has the connection, where the handler is sticky. */
  peer: PushPeer | null = null;
  /** With `download.flow_control`: bytes of its answers that it has no credits for yet. */
  owed = 0;

  constructor(sockets: HandlerSockets) {
    this.sockets = sockets;
  }

  /** Sends a message about the connection. Returns false, with nothing done, if no process takes it now. */
  send(message: Buffer | string): boolean {
    const taker = this.sockets.send(this.peer, message);
    if (taker !== null) this.taken(taker);
    return taker !== null;
  }

  /** A process has taken a message about the connection. */
  taken(peer: PushPeer): void {
    if (this.sockets.handler.sticky) this.peer = peer;
  }

  /** Sends a notice, now or as soon as a process takes it. */
  notify(message: string, context: SiteContext): void {
    if (this.send(message)) return;
    if (!this.sockets.wait(new WaitingNotice(context, message, this.peer))) context.counters.noticesDropped++;
  }
}
