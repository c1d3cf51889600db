import { fieldValues, withoutFields } from '../codec/fields/index.ts';
import { gripExtension } from '../codec/grip/index.ts';
import {
  ExchangeError,
  type ExchangeRecord,
  errorResponse,
  type HeaderList,
  type JoinedMessages,
  type MessagePayload,
  NO_OWN_FIELDS,
  NO_RESPONDER,
  type Payload,
  type RequestHead,
  type ResponseHead,
  reportFault,
  respond,
  type Suspended,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../exchange/index.ts';
import { ProxiedFilters } from './filter-request.ts';
import { GripWebSocket, type GripWebSocketRelay } from './grip-websocket.ts';
import type { GripWebSocketState } from './grip-websocket-state.ts';
import { movedRequest, proxiedState, type RequestPart } from './moved-request.ts';
import { logOutcome, type ProxiedRequest, requestFields } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import { type TargetWebSocketRequester, type TargetWebSocketResponder, withHost } from './proxy-target.ts';
import { originHeaders } from './request-headers.ts';
import { endToEndHeaders } from './response-headers.ts';
import type { TargetAttempts } from './target-attempts.ts';
import { rewriteTarget } from './target-path.ts';

const NO_VALUES: readonly string[] = [];

/** From what another process makes it again. */
export interface ProxiedWebSocketState extends RequestPart {
  /** Name of its target. */
  readonly target: string;
  readonly grip: GripWebSocketState;
}

/**
 * One WebSocket on its way through the proxy: opens it at the targets of its route, and relays between the two, in whole or, where the origin
 * speaks GRIP, through a `GripWebSocket`.
 */
export class ProxiedWebSocket implements TargetWebSocketRequester, WebSocketResponder, GripWebSocketRelay {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #requester: WebSocketRequester;
  /** Bytes of the response, or of messages, that the client has granted and that no one has spent. */
  #credits: number;
  readonly #attempts: TargetAttempts;
  #origin: TargetWebSocketResponder = NO_RESPONDER;
  /** Bytes that the client granted before `#origin` was known. */
  #earlyCredit = 0;
  #grip: GripWebSocket | null = null;
  #started = false;
  /** Whether the origin has the client wait. */
  #paused = false;
  /** How many sides have closed. */
  #closes = 0;
  #sentAt = 0;
  #over = false;
  /** Why it ended before `#origin` was known. */
  #endedWith: ExchangeError | null = null;

  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    requester: WebSocketRequester,
    attempts = proxied.route.targets.attempts(),
  ) {
    this.#room = room;
    this.#proxied = proxied;
    this.#requester = requester;
    this.#credits = proxied.request.credits;
    this.#attempts = attempts;
  }

  /** Sends the request. */
  start(): void {
    if (this.#over) return;
    // RFC 6455 §4.1: a client waits for the response before it sends anything more, so one that sends FIN has left.
    this.#requester.abortOnHalfClose?.();
    const { request, route } = this.#proxied;
    route.stats.requests++;
    this.#sentAt = performance.now();
    const target = rewriteTarget(request.target, route.route);
    if (target === null) {
      this.#fail(new ExchangeError('HF_BAD_REQUEST', 'the path has a dot segment after path_rem or replace_beg'));
      return;
    }
    this.#try(target, null);
  }

  #try(path: string, failure: ExchangeError | null): void {
    if (failure !== null) {
      const { code, detail } = failure;
      this.#room.log.info({ ...this.#logFields(), code, detail }, 'trying the next target');
    }
    const target = this.#attempts.begin();
    const { request } = this.#proxied;
    if (request.record != null) request.record.origin = target.name;
    const { id, method, scheme, authority, version, bodyLength, peer } = request;
    const own = { target: path, headers: this.#headers(), credits: this.#credits };
    // Field by field: the client's stream has more than a request, and a WebSocket may keep this for long.
    const outgoing: RequestHead = { id, method, scheme, authority, version, bodyLength, peer, ...own };
    const origin = target.webSocketService(withHost(outgoing, target), this);
    // It may have failed at once, and the next one been tried already.
    if (target !== this.#attempts.target) return;
    if (this.#over) {
      if (this.#endedWith !== null) origin.onRequestError(this.#endedWith);
      return;
    }
    if (this.#origin === NO_RESPONDER) this.#origin = origin;
    const credit = this.#earlyCredit;
    this.#earlyCredit = 0;
    if (credit > 0) this.#origin.onResponseCredit(credit);
  }

  /** The fields for the origin. Extensions concern one hop only (RFC 6455 §9.1), and GRIP is one: it is offered here. */
  #headers(): string[] {
    const proxied = this.#proxied;
    const headers = originHeaders(proxied, NO_VALUES);
    headers.push(...(proxied.request.ownFields ?? NO_OWN_FIELDS));
    if (proxied.trusted) return headers;
    const own = [...withoutFields(headers, (name) => name === 'sec-websocket-extensions')];
    if (!proxied.route.route.noGrip) own.push('Sec-WebSocket-Extensions', 'grip');
    return own;
  }

  get origin(): TargetWebSocketResponder {
    return this.#origin;
  }

  signature(): string | undefined {
    const { route, trusted } = this.#proxied;
    return trusted || route.route.noGrip ? undefined : route.signer?.token();
  }

  // ---- the move to another process

  suspend(): Suspended<ProxiedWebSocketState> | null {
    const grip = this.#over || this.#paused || this.#closes > 0 ? null : this.#grip;
    const move = grip?.suspend() ?? null;
    if (move === null) return null;
    const target = this.#attempts.target?.name ?? '';
    return {
      state: { kind: 'proxied-websocket', proxied: proxiedState(this.#proxied), target, grip: move.state },
      resume: () => move.resume(),
      forget: () => {
        this.#finish();
        move.forget();
      },
    };
  }

  /** The WebSocket that another process had. @throws Error where no route or no target takes it any more */
  static moved(
    room: ProxyRoom,
    state: ProxiedWebSocketState,
    requester: WebSocketRequester,
    record: ExchangeRecord | null,
  ): ProxiedWebSocket {
    const proxied = movedRequest(room, state.proxied, record);
    const { grip } = state;
    const { route } = proxied.route;
    const attempts = grip.origin === null ? undefined : proxied.route.targets.attemptAt(state.target);
    const webSocket = new ProxiedWebSocket(room, proxied, requester, attempts);
    webSocket.#started = true;
    if (grip.origin !== null) {
      const origin = attempts?.begin().webSocketService.moved?.(grip.origin, webSocket);
      if (origin === undefined) throw new Error(`the target ${state.target} takes no WebSockets over HTTP any more`);
      attempts?.succeed();
      webSocket.#origin = origin;
    }
    webSocket.#grip = new GripWebSocket(room, {
      request: proxied.request,
      route,
      permit: proxied.permit,
      prefix: grip.prefix,
      filters: new ProxiedFilters(room, proxied),
      requester,
      credits: grip.hold.credits,
      relay: webSocket,
      moved: grip,
    });
    return webSocket;
  }

  // ---- from the client's side (WebSocketResponder)

  /** The request of a WebSocket has no body. */
  onRequestData(): void {}

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.#grip === null) this.#origin.onRequestMessage(chunk, text, more);
    else this.#grip.fromClient(chunk, text, more);
  }

  onRequestPing(data: Buffer): void {
    if (this.#grip === null) this.#origin.onRequestPing(data);
    else this.#grip.controlFromClient('ping', data);
  }

  onRequestPong(data: Buffer): void {
    if (this.#grip === null) this.#origin.onRequestPong(data);
    else this.#grip.controlFromClient('pong', data);
  }

  onRequestClose(code: number, reason: string): void {
    this.#noteClose();
    if (this.#grip === null) this.#origin.onRequestClose(code, reason);
    else this.#grip.closeFromClient(code, reason);
  }

  onRequestError(error: ExchangeError): void {
    this.#finish();
    this.#endOrigin(error);
    this.#grip?.end();
  }

  onResponseCredit(bytes: number): void {
    if (this.#grip !== null) {
      this.#grip.credit(bytes);
      return;
    }
    this.#credits += bytes;
    if (this.#origin === NO_RESPONDER) this.#earlyCredit += bytes;
    else this.#origin.onResponseCredit(bytes);
  }

  // ---- from the origin's side (WebSocketRequester)

  onRequestCredit(bytes: number): void {
    if (this.#over) return;
    if (this.#grip === null) this.#requester.onRequestCredit(bytes);
    else this.#grip.grant(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (this.#over || this.#grip?.released === true) return;
    this.#paused = paused;
    this.#requester.pauseRequest(paused);
  }

  onResponse(head: ResponseHead): void {
    if (this.#over) return;
    const { status, reason, headers, bodyLength } = head;
    this.#started = true;
    this.#attempts.succeed();
    const time = performance.now() - this.#sentAt;
    this.#proxied.route.stats.responded(status, time);
    const { record } = this.#proxied.request;
    if (record != null) record.originTime = time;
    logOutcome(this.#room.log, this.#proxied, this.#attempts.target?.name ?? '', status);
    if (status !== 101) {
      this.#requester.onResponse({ status, reason, headers: endToEndHeaders(headers, status), bodyLength });
      return;
    }
    const { route, trusted } = this.#proxied;
    const extension =
      route.route.noGrip || trusted ? null : gripExtension(fieldValues(headers, 'sec-websocket-extensions'));
    const channels = this.#attempts.target?.channels ?? NO_VALUES;
    if (extension !== null || channels.length > 0) {
      this.#grip = new GripWebSocket(this.#room, {
        request: this.#proxied.request,
        route: route.route,
        permit: this.#proxied.permit,
        prefix: extension?.prefix ?? null,
        filters: new ProxiedFilters(this.#room, this.#proxied),
        requester: this.#requester,
        credits: this.#credits,
        relay: this,
      });
    }
    this.#requester.onResponse({ status, reason, headers: openHeaders(headers, trusted), bodyLength });
    for (const channel of channels) this.#grip?.subscribeAlways(channel);
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    this.#credits -= chunk.length;
    if (!more) this.#finish();
    this.#requester.onResponseData(chunk, more);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.#over) return;
    if (this.#grip === null) this.#requester.onResponseMessage(chunk, text, more);
    else this.#grip.fromOrigin(chunk, text, more);
  }

  onResponseShared(message: MessagePayload): void {
    this.onResponseMessage(message.body, message.text, false);
  }

  onResponseJoined({ messages }: JoinedMessages): void {
    for (const message of messages) this.onResponseShared(message);
  }

  onResponsePing(data: Buffer): void {
    if (this.#over) return;
    if (this.#grip === null) this.#requester.onResponsePing(data);
    else this.#grip.controlFromOrigin('ping', data);
  }

  onResponsePong(data: Buffer): void {
    if (this.#over) return;
    if (this.#grip === null) this.#requester.onResponsePong(data);
    else this.#grip.controlFromOrigin('pong', data);
  }

  onResponseClose(code: number, reason: string): void {
    if (this.#over) return;
    this.#noteClose();
    if (this.#grip === null) this.#requester.onResponseClose(code, reason);
    else this.#grip.closeFromOrigin(code, reason);
  }

  onResponseError(error: ExchangeError): void {
    if (this.#over) return;
    if (this.#grip?.released === true) return;
    const { request, route } = this.#proxied;
    if (!this.#attempts.fail(error)) {
      this.#fail(this.#started ? error : route.targets.failure(error));
      return;
    }
    this.#origin = NO_RESPONDER;
    this.#earlyCredit = 0;
    this.#try(rewriteTarget(request.target, route.route) as string, error);
  }

  handOver(responder: WebSocketResponder): void {
    this.#origin = responder;
  }

  /** A call from the event loop for this WebSocket threw. */
  onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown, this.#logFields());
    if (this.#over) return;
    this.#endOrigin(error);
    this.#fail(error);
  }

  /** The exchange is over when a close has gone both ways, and no other call says so. */
  #noteClose(): void {
    if (++this.#closes === 2) this.#attempts.end();
  }

  #finish(): void {
    this.#over = true;
    this.#attempts.end();
  }

  onReleased(): void {
    this.#attempts.end();
    if (!this.#paused || this.#over) return;
    this.#paused = false;
    this.#requester.pauseRequest(false);
  }

  #endOrigin(error: ExchangeError): void {
    if (this.#origin === NO_RESPONDER) this.#endedWith = error;
    else if (this.#grip?.released !== true) this.#origin.onRequestError(error);
  }

  /** Tells the client of `error`, or cuts it off once the response has begun. */
  #fail(error: ExchangeError): void {
    const { log, counters } = this.#room;
    this.#finish();
    counters.requestsFailed++;
    this.#proxied.route.stats.failures++;
    log[error.face.level]({ ...this.#logFields(), code: error.code, detail: error.detail }, 'request failed');
    this.#grip?.end();
    if (this.#started) this.#requester.onResponseError(error);
    else respond(this.#requester, errorResponse(error, this.#proxied.route.debug));
  }

  #logFields(): Record<string, unknown> {
    return requestFields(this.#proxied, this.#attempts.target?.name ?? '');
  }
}

/** The fields of a 101 for the client, which has not offered the extensions that the origin accepts. */
function openHeaders(headers: HeaderList, trusted: boolean): HeaderList {
  const passed = endToEndHeaders(headers, 101);
  return trusted ? passed : withoutFields(passed, (name) => name === 'sec-websocket-extensions');
}
