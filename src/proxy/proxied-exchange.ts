import { fieldValue } from '../codec/fields/index.ts';
import { type Instruct, isEventsType, isInstruct } from '../codec/grip/index.ts';
import { lastEventId } from '../codec/http1/index.ts';
import {
  type CreditedRequest,
  ExchangeError,
  errorResponse,
  type HeaderList,
  NO_OWN_FIELDS,
  NO_RESPONDER,
  type Payload,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  reportFault,
  respond,
} from '../exchange/index.ts';
import type { FormerHold, Replay, ReplayExchange } from '../hub/index.ts';
import { ProxiedFilters } from './filter-request.ts';
import { gripLastOf } from './grip-last.ts';
import { type GripOutcome, GripResponse } from './grip-response.ts';
import { HeldReplay, type Repetition, type ReplayPart, repeatedBody } from './held-replay.ts';
import { holdProblem } from './hold-problem.ts';
import { KeptBody, MAX_GRIP_REQUEST_BODY } from './kept-body.ts';
import { publicUri } from './link-route.ts';
import { movedRequest } from './moved-request.ts';
import { ProxiedGone, ProxiedLink } from './proxied-link.ts';
import { logOutcome, noteUnsigned, type ProxiedRequest, requestFields } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import type { ProxyTarget, TargetRequester } from './proxy-target.ts';
import { endToEndHeaders } from './response-headers.ts';
import { sendTeed } from './resume/teed-exchange.ts';
import { type HeldSession, notedSession } from './session-state.ts';
import { isShareable, sendShared } from './shared-request.ts';
import { rewriteTarget } from './target-path.ts';

const NO_VALUES: readonly string[] = [];

/**
 * One request on its way through the proxy: sends it to the targets of its route, and relays the response, unless that carries GRIP
 * instructions; then the hub takes the client over.
 */
export class ProxiedExchange implements TargetRequester, ReplayExchange, GripOutcome {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #requester: Requester;
  readonly #repetition: Repetition | null;
  readonly #headers: HeaderList;
  #credits: number;
  /** Name of the target that has the request. */
  #target = '';
  /** Channels of the clients of that target. */
  #channels: readonly string[] = NO_VALUES;
  #origin: Responder = NO_RESPONDER;
  #grip: GripResponse | null = null;
  /** The session that the response names. */
  #session: HeldSession | null = null;
  #started = false;
  #over = false;
  /** When the request was sent, by `performance.now`. */
  #sentAt = 0;
  /** The request body so far, while it may still have to be repeated. */
  #body: KeptBody | null;
  #bodyBytes = 0;
  #bodyDone: boolean;
  /** The kept body on its way to the origin; null when the client sends it, or the request has no body. */
  #repeatedBody: CreditedRequest | null = null;
  /** Bytes of the request body that the origin granted before `start` had its responder. */
  #originCredits = 0;
  /** Bytes of the response that the client granted after the request was sent, before `start` had the origin's responder. */
  #earlyResponseCredit = 0;
  /** Why the exchange ended before `start` had the origin's responder. */
  #endedWith: ExchangeError | null = null;

  constructor(room: ProxyRoom, proxied: ProxiedRequest, requester: Requester, repetition: Repetition | null = null) {
    const { request, route } = proxied;
    this.#room = room;
    this.#proxied = proxied;
    this.#requester = requester;
    this.#repetition = repetition;
    this.#credits = repetition?.former.credits ?? request.credits;
    this.#headers = room.originHeaders.of(proxied, repetition?.gripLast ?? NO_VALUES);
    this.#bodyDone = request.bodyLength === 0 || repetition !== null;
    this.#body = this.#bodyDone || route.route.noGrip ? null : new KeptBody(room.keptBodies);
    this.#bodyBytes = repetition?.body?.length ?? 0;
  }

  /** Sends the request. */
  start(): void {
    if (this.#over) return;
    const { request, route } = this.#proxied;
    const target = rewriteTarget(request.target, route.route);
    if (target === null) {
      this.#fail(new ExchangeError('HF_BAD_REQUEST', 'the path has a dot segment after path_rem or replace_beg'));
      return;
    }
    if (route.overHttp && !this.#proxied.trusted && isEventsType(fieldValue(request.headers, 'content-type'))) {
      this.#fail(new ExchangeError('HF_WEBSOCKET_EVENTS'));
      return;
    }
    if (this.#repetition?.body) this.#repeatedBody = repeatedBody(this.#repetition.body);
    // Written out: this runs for every request, and a spread would cost several times as much.
    const outgoing: RequestHead = {
      id: request.id,
      method: request.method,
      target,
      scheme: request.scheme,
      authority: request.authority,
      version: request.version,
      headers: this.#headers,
      bodyLength: this.#repetition === null ? request.bodyLength : this.#bodyBytes,
      peer: request.peer,
      credits: this.#credits,
      ownFields: request.ownFields ?? NO_OWN_FIELDS,
    };
    // They are among the request's credits.
    this.#earlyResponseCredit = 0;
    if (this.#repetition === null) route.stats.requests++;
    this.#sentAt = performance.now();
    const origin = this.#repetition === null ? this.#send(outgoing) : route.targets.send(outgoing, this);
    if (this.#over) {
      if (this.#endedWith !== null) origin.onRequestError(this.#endedWith);
      return;
    }
    this.#origin = origin;
    const responseCredit = this.#earlyResponseCredit;
    this.#earlyResponseCredit = 0;
    if (responseCredit > 0) origin.onResponseCredit(responseCredit);
    if (this.#repeatedBody !== null) this.#repeatedBody.attach(origin);
    else this.#useOriginCredits();
  }

  #send(outgoing: RequestHead): Responder {
    const send = isShareable(this.#proxied) ? sendShared : sendTeed;
    return send(this.#room, this.#proxied, outgoing, this);
  }

  // ---- from the client's side (Responder)

  onRequestData(chunk: Buffer, more: boolean): void {
    this.#bodyBytes += chunk.length;
    this.#bodyDone = !more;
    if (this.#body !== null && !this.#body.add(chunk)) this.#loseBody();
    this.#origin.onRequestData(chunk, more);
  }

  /** The request cannot be sent again, because its body is not kept. */
  #loseBody(): void {
    if (this.#bodyBytes <= MAX_GRIP_REQUEST_BODY) this.#room.counters.requestBodiesLost++;
    this.#dropBody();
  }

  #dropBody(): void {
    this.#body?.drop();
    this.#body = null;
  }

  onRequestError(error: ExchangeError): void {
    this.#cancel(error);
    this.#repetition?.former.done();
  }

  abort(): number {
    this.#logOutcome('replay aborted');
    this.#cancel(new ExchangeError('HF_CLIENT_GONE', 'the replay is not needed any more'));
    return this.#credits;
  }

  #cancel(error: ExchangeError): void {
    this.#over = true;
    this.#dropBody();
    this.#repeatedBody?.drop();
    this.#grip?.cancel();
    this.#endOrigin(error);
  }

  onResponseCredit(bytes: number): void {
    this.#credits += bytes;
    if (this.#grip !== null) this.#grip.credit(bytes);
    else this.onOriginCredit(bytes);
  }

  // ---- from the origin's side (Requester)

  onTarget(target: ProxyTarget, failure: ExchangeError | null): void {
    if (failure !== null) {
      const { code, detail } = failure;
      this.#room.log.info({ ...this.#logFields(), code, detail }, 'trying the next target');
    }
    this.#target = target.name;
    const { record } = this.#proxied.request;
    if (record != null) record.origin = target.name;
    this.#channels = target.channels;
  }

  onRequestCredit(bytes: number): void {
    if (this.#over) return;
    if (this.#repeatedBody !== null) {
      this.#repeatedBody.credit(bytes);
      return;
    }
    this.#originCredits += bytes;
    // A pooled connection takes a body before `start` has its responder.
    if (this.#origin !== NO_RESPONDER) this.#useOriginCredits();
  }

  pauseRequest(paused: boolean): void {
    if (this.#over) return;
    if (this.#repeatedBody === null) this.#requester.pauseRequest(paused);
    else if (paused) this.#repeatedBody.hold();
    else this.#repeatedBody.release();
  }

  #useOriginCredits(): void {
    const bytes = this.#originCredits;
    this.#originCredits = 0;
    if (bytes > 0) this.#requester.onRequestCredit(bytes);
  }

  onResponse(head: ResponseHead): void {
    if (this.#over) return;
    const { route, trusted, request } = this.#proxied;
    const time = performance.now() - this.#sentAt;
    route.stats.responded(head.status, time);
    if (request.record != null) request.record.originTime = time;
    if (route.route.noGrip || trusted || !isInstruct(head.headers)) {
      this.#repetition?.former.release();
      this.#started = true;
      this.#dropBody();
      this.#logOutcome(head.status);
      const { status, reason, bodyLength } = head;
      this.#requester.onResponse({ status, reason, headers: endToEndHeaders(head.headers, status), bodyLength });
      return;
    }
    // An announced body counts whole: the outcome must not depend on the progress of the upload.
    if (Math.max(this.#bodyBytes, request.bodyLength) > MAX_GRIP_REQUEST_BODY) {
      const detail = `the request body is over ${MAX_GRIP_REQUEST_BODY} bytes`;
      this.onGripError(new ExchangeError('HF_GRIP_REQUEST_TOO_LARGE', detail));
      return;
    }
    if (route.route.session) {
      this.#session = notedSession(this.#room, head.headers, request.authority, route.route.prefix);
    }
    try {
      this.#grip = new GripResponse(head, request.method, this.#requester, this.#credits, this, this.#room.gripBytes);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.onGripError(error);
    }
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    if (this.#grip !== null) {
      this.#grip.data(chunk, more);
      return;
    }
    this.#credits -= chunk.length;
    if (!more) {
      this.#over = true;
      this.#repetition?.former.done();
    }
    this.#requester.onResponseData(chunk, more);
  }

  onResponseLoan(chunk: Buffer, more: boolean): boolean {
    const lends = !this.#over && more && this.#grip === null && this.#requester.onResponseLoan !== undefined;
    if (!lends) {
      this.onResponseData(chunk, more);
      return false;
    }
    this.#credits -= chunk.length;
    return this.#requester.onResponseLoan?.(chunk, true) === true;
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  handOver(responder: Responder): void {
    this.#origin = responder;
  }

  onResponseError(error: ExchangeError): void {
    if (this.#over) return;
    this.#grip?.cancel();
    this.#fail(this.#proxied.route.targets.failure(error));
  }

  // ---- the outcome of a GRIP response (GripOutcome)

  onHold(instruct: Instruct, credits: number, responseStarted: boolean): void {
    const { request, route, permit } = this.#proxied;
    const problem = holdProblem(permit, route.route.prefix, instruct.hold?.channels ?? []);
    if (problem !== null) {
      this.onGripError(problem);
      return;
    }
    this.#over = true;
    this.#grip = null;
    this.#origin = NO_RESPONDER;
    this.#logOutcome('accept');
    if (request.record != null) request.record.heldAt = performance.now();
    // The built-in target does not look for a signature.
    if (route.signer === null && this.#target !== 'test') noteUnsigned(this.#room, this.#proxied, this.#target);
    if (instruct.hold !== null && !route.route.halfClose) this.#requester.abortOnHalfClose?.();
    const replay = this.#newReplay(instruct);
    this.#dropBody();
    const base = publicUri(request);
    const { next, gone } = instruct.links;
    try {
      this.#room.hub.hold({
        request,
        instruct,
        requester: this.#requester,
        credits,
        replay,
        responseStarted,
        link: next === null ? null : new ProxiedLink(this.#room, this.#proxied, next, base),
        gone: gone === null ? null : new ProxiedGone(this.#room, this.#proxied, gone, base),
        debug: route.debug,
        channelPrefix: route.route.prefix,
        route: route.route.id,
        join: route.route.join,
        slow: route.route.slow,
        session: this.#session,
        user: permit?.user ?? null,
        channels: this.#channels,
        filterService: hasFilters(instruct) ? new ProxiedFilters(this.#room, this.#proxied) : null,
        former: this.#repetition?.former ?? null,
      });
      permit?.onHold?.();
    } catch (thrown) {
      // The hub has not taken the client, so this exchange still has to end.
      this.#over = false;
      this.onFault(thrown);
    }
  }

  /** Null where the request cannot be sent again, because its body was not kept, or not all of it. Of streams only those of clients that come back may be. */
  #newReplay(instruct: Instruct): Replay | null {
    const { bodyLength } = this.#proxied.request;
    if (instruct.hold?.mode !== 'response' && !this.#mayHaveGap) return null;
    let body = this.#repetition?.body ?? null;
    if (this.#repetition === null) {
      if (!this.#bodyDone || (this.#body === null && bodyLength !== 0)) {
        this.#room.log.info(this.#logFields(), 'the request body is not kept: the held request cannot be sent again');
        return null;
      }
      body = this.#body?.copy() ?? null;
    }
    return new HeldReplay(this.#room, this.#proxied, this.#requester, body, gripLastOf(instruct), repeat);
  }

  /** Whether its request may have to be sent again before a stream begins. */
  get #mayHaveGap(): boolean {
    const { headers, target } = this.#proxied.request;
    return this.#room.hub.history.rules.replaySome && lastEventId(headers, target) !== null;
  }

  /** A call from the event loop for this exchange threw. */
  onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown, this.#logFields());
    if (!this.#over) this.onGripError(error);
  }

  onStreaming(): void {
    this.#started = true;
    this.#repetition?.former.release();
    this.#dropBody();
  }

  onRelay(status: number): void {
    this.#started = true;
    this.#repetition?.former.done();
    this.#dropBody();
    this.#logOutcome(status);
  }

  onGripError(error: ExchangeError): void {
    this.#endOrigin(error);
    this.#fail(error);
  }

  onOriginCredit(bytes: number): void {
    // A target may respond before `start` has its responder.
    if (this.#origin === NO_RESPONDER) this.#earlyResponseCredit += bytes;
    else this.#origin.onResponseCredit(bytes);
  }

  /** Tells the origin that its response is no longer wanted. */
  #endOrigin(error: ExchangeError): void {
    if (this.#origin === NO_RESPONDER) this.#endedWith = error;
    else this.#origin.onRequestError(error);
  }

  // ---- failures and the log

  /** Tells the client of `error`, or cuts off a response that has begun. */
  #fail(error: ExchangeError): void {
    const { log, counters } = this.#room;
    this.#over = true;
    this.#dropBody();
    if (this.#repetition !== null && !this.#started) {
      this.#resumeHold(this.#repetition.former, error);
      return;
    }
    this.#repetition?.former.done();
    counters.requestsFailed++;
    this.#proxied.route.stats.failures++;
    log[error.face.level]({ ...this.#logFields(), code: error.code, detail: error.detail }, 'request failed');
    if (this.#started) this.#requester.onResponseError(error);
    else respond(this.#requester, errorResponse(error, this.#proxied.route.debug));
  }

  /** A failed replay does not reach the client, which did not ask for it. */
  #resumeHold(former: FormerHold, { code, detail }: ExchangeError): void {
    const { log, counters } = this.#room;
    counters.replaysFailed++;
    const retry = former.resume(this.#credits);
    const retryMs = retry === null ? {} : { retryMs: Math.round(retry) };
    log.info({ ...this.#logFields(), code, detail, ...retryMs }, 'replay failed: the request stays held');
  }

  #logOutcome(outcome: string | number): void {
    logOutcome(this.#room.log, this.#proxied, this.#target, outcome);
  }

  #logFields(): Record<string, unknown> {
    return requestFields(this.#proxied, this.#target);
  }
}

function hasFilters({ hold }: Instruct): boolean {
  return hold?.channels.some(({ filters }) => filters.length > 0) === true;
}

function repeat(
  room: ProxyRoom,
  proxied: ProxiedRequest,
  requester: Requester,
  repetition: Repetition,
): ReplayExchange {
  return new ProxiedExchange(room, proxied, requester, repetition);
}

/** The replay of a client that another process has held. @throws Error where no route takes its request any more */
export function movedReplay(room: ProxyRoom, { proxied, body, gripLast }: ReplayPart, requester: Requester): Replay {
  return new HeldReplay(room, movedRequest(room, proxied), requester, body, gripLast, repeat);
}
