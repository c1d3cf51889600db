import type { Requester, Responder } from './exchange.ts';
import type { ExchangeRelay } from './exchange-relay.ts';

/** A chain of relays between a requester and its responder. They are added from the requester's side. */
export class RelayChain {
  /** The requester for the next relay, or for the responder. */
  end: Requester;
  #first: ExchangeRelay | null = null;
  #last: ExchangeRelay | null = null;

  constructor(requester: Requester) {
    this.end = requester;
  }

  /** The responder for the requester, once there is a relay. */
  get responder(): Responder {
    return this.#first as Responder;
  }

  /** @param relay made for `end` */
  add(relay: ExchangeRelay): void {
    this.#last?.attach(relay);
    this.#first ??= relay;
    this.#last = relay;
    this.end = relay;
  }

  /** Sets the responder at the end of the chain. */
  attach(responder: Responder): void {
    this.#last?.attach(responder);
  }
}
