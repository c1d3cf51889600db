import type { Requester, Responder } from './exchange.ts';
import type { ExchangeRelay } from './exchange-relay.ts';

/** Relays in a row between a requester and whoever answers it. They are added from the requester's side. */
export class RelayChain {
  /** Whom the next relay, or whoever answers, has for its requester. */
  end: Requester;
  #first: ExchangeRelay | null = null;
  #last: ExchangeRelay | null = null;

  constructor(requester: Requester) {
    this.end = requester;
  }

  /** Whom the requester has for its responder, once there is a relay. */
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

  /** Says who answers at the end of the row. */
  attach(responder: Responder): void {
    this.#last?.attach(responder);
  }
}
