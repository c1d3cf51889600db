import { guarded } from '../clock/index.ts';
import { encodeHeaderText, sessionIn } from '../codec/grip/index.ts';
import { hostOf, isFieldText, pathOf } from '../codec/http1/index.ts';
import { CreditedRequest, ExchangeRelay, type Requester, WINDOW } from '../exchange/index.ts';
import { KeptBody } from './kept-body.ts';
import { ProxiedExchange } from './proxied-exchange.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import { type DetectedSession, detectedSession, type SessionState } from './session-state.ts';

/**
 * A request whose body may say to which session it belongs: collects the body, asks the state service, and then sends the request on its way.
 * What cannot be found out is passed over: the request goes on without a session.
 */
export class AwaitedSession extends ExchangeRelay {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #state: SessionState;
  /** The body on its way to the origin. */
  readonly #body = new CreditedRequest();
  /** The body so far, until the session is known. */
  #kept: KeptBody | null;
  /** Bytes of the body that the client was granted, and that the origin has granted. */
  #granted = 0;
  #taken = 0;

  constructor(room: ProxyRoom, proxied: ProxiedRequest, requester: Requester, state: SessionState) {
    super(requester, room.counters);
    this.#room = room;
    this.#proxied = proxied;
    this.#state = state;
    this.#kept = new KeptBody(room.keptBodies);
  }

  start(): void {
    this.#grant(WINDOW);
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    this.#body.give(chunk, !more);
    const kept = this.#kept;
    if (kept === null) return;
    if (!kept.add(chunk)) this.#goOn(null);
    else if (more) this.#grant(chunk.length);
    else this.#detect(kept.copy());
  }

  override onRequestCredit(bytes: number): void {
    if (this.over) return;
    this.#taken += bytes;
    this.#body.credit(bytes);
    if (this.#taken > this.#granted) this.#grant(this.#taken - this.#granted);
  }

  protected override onOver(): void {
    this.#dropKept();
    this.#body.drop();
  }

  #grant(bytes: number): void {
    this.#granted += bytes;
    this.requester.onRequestCredit(bytes);
  }

  #detect(body: Buffer | null): void {
    if (body === null) {
      this.#goOn(null);
      return;
    }
    const { authority, target } = this.#proxied.request;
    this.#state.rulesFor(
      hostOf(authority),
      pathOf(target),
      guarded(this, (rules) => {
        const sid = sessionIn(body, rules);
        // An origin cannot be told of others.
        if (sid === null || !isFieldText(encodeHeaderText(sid))) this.#goOn(null);
        else
          this.#state.lastIds(
            sid,
            guarded(this, (lastIds) => this.#goOn(detectedSession(sid, lastIds))),
          );
      }),
    );
  }

  #goOn(session: DetectedSession | null): void {
    if (this.over || this.#kept === null) return;
    this.#dropKept();
    const exchange = new ProxiedExchange(this.#room, { ...this.#proxied, session }, this);
    this.attach(exchange);
    exchange.start();
    if (!this.over) this.#body.attach(exchange);
  }

  #dropKept(): void {
    this.#kept?.drop();
    this.#kept = null;
  }
}
