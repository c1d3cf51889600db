import { guarded } from '../../clock/index.ts';
import {
  ExchangeError,
  ExchangeRelay,
  type Requester,
  type Responder,
  type ResponseHead,
  reportFault,
  type Service,
  WINDOW,
} from '../../exchange/index.ts';
import { ALL_RIGHTS, type EventId, resumeRequest, type StreamOwner } from '../../resume/index.ts';
import { logOutcome, type ProxiedRequest, requestFields } from '../proxied-request.ts';
import type { ProxyRoom } from '../proxy-room.ts';
import { Reauthorization } from './reauthorization.ts';
import type { ResumeRules } from './resume-rules.ts';

const EMPTY = Buffer.alloc(0);

/** Sends the request on to the origin, as one without an event id. */
type GoOn = (requester: Requester) => Responder;

/**
 * A request of a client that comes back to a stream. It gets the rest, if the stream is here or in another process of this server, and if the
 * client may read it. Otherwise the request goes on to the origin, as if there were no such stream.
 */
export class ResumedExchange extends ExchangeRelay {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #rules: ResumeRules;
  readonly #event: EventId;
  readonly #owner: StreamOwner;
  readonly #sources: readonly Service[];
  readonly #goOn: GoOn;
  /** Which of the sources is asked. */
  #source = 0;
  /** Where the request has gone on to, and whether `start` has returned. */
  #next: Responder | null = null;
  #returned = false;
  /** Questions so far. */
  #asks = 0;
  /** Status of the response that refuses the rest; 0 for none. */
  #refusal = 0;
  /** Whether `reauthorize` was asked, and whether it has said yes. */
  #reauthorized = false;
  #mayRead = false;
  #reauthorization: Reauthorization | null = null;
  #started = false;
  /** Whether the client has ended its body before it is known who responds. Without credit it can only be empty. */
  #bodyEnded = false;

  /** @param sources respond for the processes that may have the stream, and are asked one after the other until one has it */
  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    rules: ResumeRules,
    event: EventId,
    sources: readonly Service[],
    requester: Requester,
    goOn: GoOn,
  ) {
    super(requester, room.counters);
    this.#room = room;
    this.#proxied = proxied;
    this.#rules = rules;
    this.#event = event;
    this.#owner = rules.ownerOf(proxied);
    this.#sources = sources;
    this.#goOn = goOn;
  }

  /** Returns what responds to the request. */
  start(): Responder {
    this.#ask();
    this.#returned = true;
    return this.#next ?? this;
  }

  #ask(): void {
    const { request } = this.#proxied;
    const mayRead = this.#rules.shared || this.#mayRead;
    const owner = mayRead ? { ...this.#owner, rights: ALL_RIGHTS } : this.#owner;
    this.#refusal = 0;
    const number = ++this.#asks;
    const source = this.#sources[this.#source] as Service;
    const responder = source(resumeRequest(this.#event, owner, request), this);
    // It may have refused already.
    if (number === this.#asks) this.attach(responder);
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const { status } = head;
    if (status !== 200 && status !== 204) {
      this.#refusal = status;
      return;
    }
    this.#started = true;
    this.#room.counters.streamsResumed++;
    const { record } = this.#proxied.request;
    if (record != null) record.resumed = true;
    logOutcome(this.#room.log, this.#proxied, '', 'resumed');
    // Its body was that of the first request, and nobody needs it again.
    if (this.#proxied.request.bodyLength !== 0) this.requester.onRequestCredit(WINDOW);
    super.onResponse(head);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#refusal === 0) super.onResponseData(chunk, more);
    else if (!more && !this.over) this.#refused(this.#refusal);
  }

  #refused(status: number): void {
    const { reauthorize } = this.#rules;
    this.#asks++;
    this.detach();
    if (status === 403 && reauthorize !== null && !this.#reauthorized) {
      this.#reauthorize(reauthorize);
    } else if (status !== 403 && this.#source + 1 < this.#sources.length) {
      this.#source++;
      this.#ask();
    } else {
      this.#pass(status === 403);
    }
  }

  override onResponseError(error: ExchangeError): void {
    if (this.over) return;
    if (!this.#started) {
      // A source that fails counts as one without the stream.
      this.#refused(404);
      return;
    }
    const { code, detail } = error;
    this.#room.log.info({ ...requestFields(this.#proxied, ''), code, detail }, 'a resumed stream was cut');
    super.onResponseError(error.code === 'HF_STREAM_LOST' ? error : lost(error));
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    if (!more) this.#bodyEnded = true;
    if (this.#started && more && !this.over) this.requester.onRequestCredit(chunk.length);
  }

  override onRequestError(error: ExchangeError): void {
    this.#reauthorization?.abort();
    super.onRequestError(error);
  }

  #reauthorize(url: URL): void {
    this.#reauthorized = true;
    const credentials = this.#rules.boundFields(this.#proxied);
    const onAnswer = guarded(this, (mayRead: boolean) => {
      this.#reauthorization = null;
      if (this.over) return;
      this.#mayRead = mayRead;
      if (mayRead) this.#ask();
      else this.#pass(true);
    });
    this.#reauthorization = new Reauthorization(this.#room, this.#proxied, credentials, onAnswer);
    this.#reauthorization.start(url);
  }

  /** The id is unknown. @param forbidden whether it is one of another client */
  #pass(forbidden: boolean): void {
    const { counters } = this.#room;
    counters.resumesUnknown++;
    if (forbidden) counters.resumesForbidden++;
    const { requester } = this;
    this.responded();
    this.finish();
    const next = this.#goOn(requester);
    this.#next = next;
    if (this.#returned) requester.handOver(next);
    if (this.#bodyEnded) next.onRequestData(EMPTY, false);
  }

  override onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown, requestFields(this.#proxied, ''));
    if (!this.over) this.fail(error);
  }
}

function lost({ code, detail }: ExchangeError): ExchangeError {
  return new ExchangeError('HF_STREAM_LOST', `${code} ${detail}`);
}
