import { withoutFields } from '../../codec/fields/index.ts';
import { isInstruct } from '../../codec/grip/index.ts';
import {
  type ExchangeError,
  NO_RESPONDER,
  type Payload,
  type RequestHead,
  type Responder,
  type ResponseHead,
} from '../../exchange/index.ts';
import {
  BEGINNING,
  formatEventId,
  type LogReader,
  type ResumableStream,
  type StreamOrigin,
} from '../../resume/index.ts';
import { type ProxiedRequest, requestFields } from '../proxied-request.ts';
import type { ProxyRoom } from '../proxy-room.ts';
import type { ProxyTarget, TargetRequester } from '../proxy-target.ts';
import { endToEndHeaders } from '../response-headers.ts';
import { isReadable, resumableHead, resumedHead } from './event-stream-head.ts';
import type { ResumeRules } from './resume-rules.ts';

/**
 * Stands between a request and its targets where event streams can be resumed: such a response goes into the log of a stream, and from there to the
 * client, and goes on when the client has left. All others pass unchanged.
 */
class TeedExchange implements TargetRequester, Responder, StreamOrigin {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #rules: ResumeRules;
  /** Null once it has left a stream. */
  #requester: TargetRequester | null;
  #origin: Responder = NO_RESPONDER;
  #stream: ResumableStream | null = null;
  /** The first client of the stream. */
  #reader: LogReader | null = null;
  /** Bytes of the response that the client accepts: all that the origin was granted while there is no stream. */
  #credits: number;
  #requestDone: boolean;
  /** Bytes that the origin may send, and why it is to stop, before it is known here. */
  #earlyCredit = 0;
  #endedWith: ExchangeError | null = null;

  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    rules: ResumeRules,
    requester: TargetRequester,
    credits: number,
  ) {
    this.#room = room;
    this.#proxied = proxied;
    this.#rules = rules;
    this.#requester = requester;
    this.#credits = credits;
    this.#requestDone = proxied.request.bodyLength === 0;
  }

  start(request: RequestHead): void {
    const origin = this.#proxied.route.targets.send(request, this);
    if (this.#origin === NO_RESPONDER) this.handOver(origin);
  }

  // ---- from the origin (TargetRequester)

  onTarget(target: ProxyTarget, failure: ExchangeError | null): void {
    this.#requester?.onTarget(target, failure);
  }

  onRequestCredit(bytes: number): void {
    this.#requester?.onRequestCredit(bytes);
  }

  pauseRequest(paused: boolean): void {
    this.#requester?.pauseRequest(paused);
  }

  onResponse(head: ResponseHead): void {
    const requester = this.#requester;
    if (requester === null) return;
    const { route, trusted } = this.#proxied;
    const isGrip = !route.route.noGrip && !trusted && isInstruct(head.headers);
    const id = !isGrip && isReadable(head) ? this.#room.resume.streams.newId() : null;
    if (id === null) {
      requester.onResponse(head);
      return;
    }
    const beginning = formatEventId({ stream: id, position: 0 });
    const plain = { ...head, headers: endToEndHeaders(head.headers, head.status) };
    const own = resumableHead(plain, beginning);
    const stream = this.#room.resume.streams.begin({
      id,
      owner: this.#rules.ownerOf(this.#proxied),
      head: resumedHead(own),
      rules: this.#rules,
      origin: this,
      granted: this.#credits,
    });
    this.#stream = stream;
    requester.onResponse(own);
    // Within the call it may have left.
    if (this.#requester === null) stream.letGo();
    else this.#reader = stream.open(requester, this.#credits, BEGINNING);
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#stream !== null) {
      this.#stream.take(chunk, more);
      return;
    }
    this.#credits -= chunk.length;
    this.#requester?.onResponseData(chunk, more);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    const stream = this.#stream;
    if (stream === null) {
      this.#requester?.onResponseError(error);
      return;
    }
    if (!stream.isRead) {
      const { code, detail } = error;
      this.#room.log.info(
        { ...requestFields(this.#proxied, ''), code, detail },
        'origin failed while nobody read its stream',
      );
    }
    stream.break(error);
  }

  handOver(responder: Responder): void {
    this.#origin = responder;
    if (this.#endedWith !== null) {
      responder.onRequestError(this.#endedWith);
      return;
    }
    const bytes = this.#earlyCredit;
    this.#earlyCredit = 0;
    if (bytes > 0) responder.onResponseCredit(bytes);
  }

  // ---- from the client (Responder)

  onRequestData(chunk: Buffer, more: boolean): void {
    this.#requestDone = !more;
    this.#origin.onRequestData(chunk, more);
  }

  onRequestError(error: ExchangeError): void {
    this.#requester = null;
    const stream = this.#stream;
    if (stream === null) this.cancel(error);
    // The origin cannot be given the rest of the request.
    else if (!this.#requestDone) stream.letGo();
    else this.#reader?.onRequestError();
  }

  onResponseCredit(bytes: number): void {
    if (this.#reader !== null) {
      this.#reader.onResponseCredit(bytes);
      return;
    }
    this.#credits += bytes;
    if (this.#stream === null) this.grant(bytes);
  }

  // ---- from the stream (StreamOrigin)

  grant(bytes: number): void {
    if (this.#origin === NO_RESPONDER) this.#earlyCredit += bytes;
    else this.#origin.onResponseCredit(bytes);
  }

  cancel(error: ExchangeError): void {
    if (this.#origin === NO_RESPONDER) this.#endedWith = error;
    else this.#origin.onRequestError(error);
  }
}

/**
 * Sends a request. Where its route lets clients resume streams, content codings are not asked for: nothing could be told of the events in them.
 * @param outgoing the request as it would go to the origin
 */
export function sendTeed(
  room: ProxyRoom,
  proxied: ProxiedRequest,
  outgoing: RequestHead,
  requester: TargetRequester,
): Responder {
  const { resume, targets } = proxied.route;
  if (resume === null || outgoing.method === 'HEAD') return targets.send(outgoing, requester);
  const headers = withoutFields(outgoing.headers, (name) => name === 'accept-encoding');
  headers.push('Accept-Encoding', 'identity');
  const exchange = new TeedExchange(room, proxied, resume, requester, outgoing.credits);
  exchange.start({ ...outgoing, headers });
  return exchange;
}
