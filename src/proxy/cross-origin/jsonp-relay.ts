import { TextDecoder } from 'node:util';
import { contentCodings, isOfConnection, nameIs } from '../../codec/fields/index.ts';
import { reasonPhrase } from '../../codec/http1/index.ts';
import {
  CreditedRequest,
  CreditedResponse,
  ExchangeError,
  ExchangeRelay,
  type OriginCounters,
  type Requester,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
} from '../../exchange/index.ts';
import type { JsonpRequest } from './jsonp-request.ts';

/**
 * Wraps the response to a JSONP request in a call of its callback. Whatever the response is, the client gets a 200, because a script with
 * another status is not run.
 */
export class JsonpRelay extends ExchangeRelay {
  readonly #callback: string;
  readonly #sender: CreditedResponse;
  /** The request body; null without one. */
  readonly #body: CreditedRequest | null;
  /** Null where the callback gets the body as it is. */
  readonly #decoder: TextDecoder | null;
  /** Bytes of the origin that have not all gone to the client. */
  #owed = 0;
  #started = false;

  /** @param credits bytes that the client takes at first */
  constructor(
    requester: Requester,
    counters: OriginCounters,
    { callback, body }: JsonpRequest,
    extended: boolean,
    credits: number,
  ) {
    super(requester, counters);
    this.#callback = callback;
    this.#sender = new CreditedResponse(requester, credits);
    this.#body = body.length === 0 ? null : bodyOf(body);
    this.#decoder = extended ? new TextDecoder('utf-8', { ignoreBOM: true }) : null;
  }

  override attach(responder: Responder): void {
    super.attach(responder);
    this.#body?.attach(this);
  }

  // ---- the request, whose body is here

  override onRequestCredit(bytes: number): void {
    if (!this.over) this.#body?.credit(bytes);
  }

  override pauseRequest(paused: boolean): void {
    if (this.over) return;
    if (paused) this.#body?.hold();
    else this.#body?.release();
  }

  override handOver(responder: Responder): void {
    super.handOver(responder);
    this.#body?.attach(this);
  }

  // ---- the response

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const [coding] = contentCodings(head.headers);
    if (coding !== undefined) {
      this.fail(new ExchangeError('HF_JSONP_RESPONSE', `the response is encoded with ${coding}`));
      return;
    }
    this.#started = true;
    const headers = ['Content-Type', 'application/javascript', 'X-Content-Type-Options', 'nosniff'];
    for (let i = 0; i < head.headers.length; i += 2) {
      const name = head.headers[i] as string;
      if (nameIs(name, 'cache-control')) headers.push(name, head.headers[i + 1] as string);
    }
    this.requester.onResponse({ status: 200, reason: '', headers, bodyLength: UNKNOWN_LENGTH });
    this.#sender.give(Buffer.from(this.#beginning(head)));
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    this.#owed += chunk.length;
    if (!more) this.responded();
    this.#sender.give(this.#encoded(chunk, more), !more);
    this.#settle();
  }

  override onResponseCredit(bytes: number): void {
    if (this.over) return;
    this.#sender.credit(bytes);
    this.#settle();
  }

  protected override onOver(): void {
    this.#sender.drop();
    this.#body?.drop();
  }

  /** Ends the exchange, or lets the origin send as much as has gone to the client. */
  #settle(): void {
    if (this.over) return;
    if (this.#sender.done) {
      this.finish();
      return;
    }
    const bytes = this.#owed;
    if (!this.#started || this.#sender.waiting > 0 || bytes === 0) return;
    this.#owed = 0;
    super.onResponseCredit(bytes);
  }

  #beginning({ status, reason, headers }: ResponseHead): string {
    // The comment keeps a callback from being the beginning of a file of another type.
    const call = `/**/${this.#callback}(`;
    if (this.#decoder === null) return call;
    const fields = new Map<string, string>();
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      if (!(fields.has(name) || isOfConnection(name))) fields.set(name, utf8(headers[i + 1] as string));
    }
    const text = inScript(JSON.stringify(Object.fromEntries(fields)));
    const phrase = inScript(JSON.stringify(utf8(reason || reasonPhrase(status))));
    return `${call}{"code": ${status}, "reason": ${phrase}, "headers": ${text}, "body": "`;
  }

  #encoded(chunk: Buffer, more: boolean): Buffer {
    if (this.#decoder === null) return more ? chunk : Buffer.concat([chunk, Buffer.from(');\n')]);
    const text = inScript(JSON.stringify(this.#decoder.decode(chunk, { stream: more })));
    return Buffer.from(text.slice(1, -1) + (more ? '' : '"});\n'));
  }
}

function bodyOf(bytes: Buffer): CreditedRequest {
  const body = new CreditedRequest();
  body.give(bytes, true);
  return body;
}

/** Field values are in latin1, and most that are not ASCII are UTF-8. */
function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString();
}

/** JSON as JavaScript: before ES2019 two characters of JSON strings were line ends in JavaScript. */
function inScript(json: string): string {
  return json.replace(/[\u2028\u2029]/g, (char) => (char === '\u2028' ? '\\u2028' : '\\u2029'));
}
