import type {
  ExchangeError,
  JoinedMessages,
  MessagePayload,
  ResponseHead,
  Suspended,
  WebSocketRequester,
  WebSocketResponder,
} from '../../exchange/index.ts';
import { GuardedExchange, type GuardedState, type GuardRoom } from './guarded-exchange.ts';
import type { Permit } from './permit.ts';

/** Policy violation (RFC 6455 §7.4.1). */
const POLICY_VIOLATION = 1008;

/** A WebSocket of a route that asks for a token. It is closed when the token expires. */
export class GuardedWebSocket extends GuardedExchange implements WebSocketRequester, WebSocketResponder {
  #open = false;
  #expires = Number.POSITIVE_INFINITY;
  /** A close has come from the origin, and from the client. */
  #closedByOrigin = false;
  #closedByClient = false;
  /** The token has expired: the client has been sent a close, and its own may still come. */
  #expired = false;

  constructor(room: GuardRoom, requester: WebSocketRequester) {
    super(room, requester);
  }

  override admit(permit: Permit, forward: (requester: WebSocketRequester) => WebSocketResponder): void {
    this.#expires = permit.expires;
    super.admit(permit, () => forward(this));
  }

  override onResponse(head: ResponseHead): void {
    super.onResponse(head);
    if (head.status !== 101 || this.over) return;
    this.#open = true;
    if (this.#expires !== Number.POSITIVE_INFINITY) this.endAt(this.#expires);
  }

  override suspend(): Suspended<GuardedState> | null {
    if (!this.#open || this.#expired || this.#closedByClient || this.#closedByOrigin) return null;
    const suspended = super.suspend();
    return suspended && { ...suspended, state: { ...suspended.state, kind: 'guarded-websocket' } };
  }

  override goOn(state: GuardedState, forward: (requester: WebSocketRequester) => WebSocketResponder): void {
    this.#open = true;
    super.goOn(state, () => forward(this));
  }

  get keepsUp(): boolean {
    return this.#client.keepsUp === true;
  }

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (!this.over) this.#client.onResponseMessage(chunk, text, more);
  }

  onResponseShared(message: MessagePayload): void {
    if (!this.over) this.#client.onResponseShared(message);
  }

  onResponseJoined(joined: JoinedMessages): void {
    if (!this.over) this.#client.onResponseJoined(joined);
  }

  onResponsePing(data: Buffer): void {
    if (!this.over) this.#client.onResponsePing(data);
  }

  onResponsePong(data: Buffer): void {
    if (!this.over) this.#client.onResponsePong(data);
  }

  onResponseClose(code: number, reason: string): void {
    if (this.over) return;
    this.#closedByOrigin = true;
    if (this.#closedByClient) this.finish();
    this.#client.onResponseClose(code, reason);
  }

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.#expired) this.requester.onRequestCredit(chunk.length);
    else this.#origin?.onRequestMessage(chunk, text, more);
  }

  onRequestPing(data: Buffer): void {
    if (this.#expired) this.requester.onRequestCredit(data.length);
    else this.#origin?.onRequestPing(data);
  }

  onRequestPong(data: Buffer): void {
    if (this.#expired) this.requester.onRequestCredit(data.length);
    else this.#origin?.onRequestPong(data);
  }

  onRequestClose(code: number, reason: string): void {
    const origin = this.#origin;
    this.#closedByClient = true;
    if (this.#closedByOrigin) this.finish();
    origin?.onRequestClose(code, reason);
  }

  override handOver(responder: WebSocketResponder): void {
    super.handOver(responder);
  }

  protected override end(error: ExchangeError): void {
    if (!this.#open) {
      super.end(error);
      return;
    }
    const isClosing = this.#closedByOrigin;
    this.#expired = true;
    this.leave(error);
    if (isClosing) return;
    this.requester.pauseRequest(false);
    this.#client.onResponseClose(POLICY_VIOLATION, 'the token has expired');
  }

  get #client(): WebSocketRequester {
    return this.requester as WebSocketRequester;
  }

  get #origin(): WebSocketResponder | null {
    return this.responder as WebSocketResponder | null;
  }
}
