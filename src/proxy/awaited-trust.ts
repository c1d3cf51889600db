import { fault, type Guarded } from '../clock/index.ts';
import { clientNames, type Requester, type Responder, reportFault } from '../exchange/index.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import type { UpstreamTrust } from './upstream-trust.ts';

const EMPTY = Buffer.alloc(0);

/** What responds once the signature has been checked. */
export interface TrustedExchange extends Responder {
  start(): void;
}

type NewExchange = (room: ProxyRoom, proxied: ProxiedRequest, requester: Requester) => TrustedExchange;

/** A request that claims to come from a GRIP proxy in front, while its signature is checked. */
export class AwaitedTrust implements Responder, Guarded {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #requester: Requester;
  readonly #newExchange: NewExchange;
  /** Responds once the signature has been checked. */
  #exchange: TrustedExchange | null = null;
  #gone = false;
  /** The client has ended its body. Without credit it can only be empty. */
  #bodyEnded = false;

  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    requester: Requester,
    trust: UpstreamTrust,
    newExchange: NewExchange,
  ) {
    this.#room = room;
    this.#proxied = proxied;
    this.#requester = requester;
    this.#newExchange = newExchange;
    trust.trusts(proxied.request).then(
      (trusted) => {
        try {
          this.#goOn(trusted);
        } catch (thrown) {
          fault(this, thrown);
        }
      },
      (thrown: unknown) => fault(this, thrown),
    );
  }

  onRequestData(): void {
    this.#bodyEnded = true;
  }

  onRequestError(): void {
    this.#gone = true;
  }

  /** Nothing has been sent, so there is nothing to grant. */
  onResponseCredit(): void {}

  onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown, { ...clientNames(this.#proxied.request) });
    if (this.#gone) return;
    this.#exchange?.onRequestError(error);
    this.#requester.onResponseError(error);
  }

  #goOn(trusted: boolean): void {
    if (this.#gone) return;
    const exchange = this.#newExchange(this.#room, { ...this.#proxied, trusted }, this.#requester);
    this.#exchange = exchange;
    this.#requester.handOver(exchange);
    exchange.start();
    if (this.#bodyEnded) exchange.onRequestData(EMPTY, false);
  }
}
