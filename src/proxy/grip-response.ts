import { type Guarded, guarded } from '../clock/index.ts';
import { BodyDecoder, type ContentError, type DecodedBody, isDecodable } from '../codec/content/index.ts';
import { contentCodings, fieldValue } from '../codec/fields/index.ts';
import { GripError, holdModeOf, type Instruct, isInstructBody, NO_LINKS, parseInstruct } from '../codec/grip/index.ts';
import {
  BodyCollector,
  CreditedResponse,
  ExchangeError,
  type HeaderList,
  LEAST_COST,
  type Requester,
  type ResponseHead,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import { FilterError, FilteredBody } from '../hub/index.ts';
import type { GripBytes } from './grip-bytes.ts';
import { endToEndHeaders } from './response-headers.ts';

/**
 * Bytes of an instruct's body that are kept (GRIP). A larger one can only be the beginning of a stream.
 * @bound grip-instruct-body
 */
export const MAX_INSTRUCT_BODY = 100_000;

/**
 * Bytes of a large initial body that wait for the client before the origin has to.
 * @bound grip-initial-body
 */
const MAX_WAITING = 131_072;

const EMPTY = Buffer.alloc(0);

/** Receives the outcome of a GRIP response. */
export interface GripOutcome extends Guarded {
  /** The client is to be held, or its response continues with a next link. `responseStarted`: it has the head and initial body of a stream already. */
  onHold(instruct: Instruct, credits: number, responseStarted: boolean): void;
  /** The client is about to get the beginning of a stream, which has not come whole yet. `onHold` follows at its end. */
  onStreaming(): void;
  /** The response has come whole. It is relayed, with this status, and nothing is held. */
  onRelay(status: number): void;
  onGripError(error: ExchangeError): void;
  /** The origin may send so many more bytes. */
  onOriginCredit(bytes: number): void;
}

/**
 * Reads an origin's response that carries GRIP instructions: undoes its content coding, collects the body, and parses the
 * instructions. The initial body of a stream may have any size: beyond the bound it goes to the client as it comes.
 */
export class GripResponse implements DecodedBody, Guarded {
  readonly #head: ResponseHead;
  /** Those fields of the head that are not of one connection only. */
  readonly #headers: HeaderList;
  readonly #method: string;
  readonly #requester: Requester;
  readonly #outcome: GripOutcome;
  readonly #decoder: BodyDecoder | null;
  readonly #sender: CreditedResponse;
  /** The body so far, until it is complete or begins a stream. */
  #collected: BodyCollector | null = new BodyCollector(MAX_INSTRUCT_BODY);
  /** The instructions of the head, once bytes go to the client. */
  #sending: Instruct | null = null;
  #ended = false;
  #over = false;
  /** Bytes that the client takes, and the decoder has not been granted. */
  #owedCredits: number;
  readonly #all: GripBytes;
  /** Bytes that are counted there for this response. */
  #charged = 0;
  /** Bytes from the origin that are credited back only when the client has taken some. */
  #withheld = 0;

  /**
   * @param method of the request
   * @param credits bytes that the requester takes
   * @param all counts what this response keeps while it is read
   * @throws ExchangeError HF_GRIP_INVALID
   */
  constructor(
    head: ResponseHead,
    method: string,
    requester: Requester,
    credits: number,
    outcome: GripOutcome,
    all: GripBytes,
  ) {
    this.#head = head;
    this.#headers = endToEndHeaders(head.headers, head.status);
    this.#method = method;
    this.#requester = requester;
    this.#outcome = outcome;
    this.#all = all;
    this.#sender = new CreditedResponse(requester, credits);
    this.#owedCredits = credits;
    const [coding, second] = contentCodings(head.headers);
    if (second !== undefined) throw new ExchangeError('HF_GRIP_INVALID', 'the GRIP response is encoded more than once');
    if (coding !== undefined && !isDecodable(coding)) {
      const detail = `the GRIP response is encoded with ${coding}, which is not supported`;
      throw new ExchangeError('HF_GRIP_INVALID', detail);
    }
    this.#decoder =
      coding === undefined ? null : new BodyDecoder(coding, this, MAX_INSTRUCT_BODY + 1, (call) => guarded(this, call));
    this.#charge();
  }

  /** Bytes of the origin. */
  data(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    if (this.#decoder !== null) {
      this.#decoder.write(chunk);
      if (!more) this.#decoder.end();
      return;
    }
    this.onDecoded(chunk, more);
    this.onEncodedTaken(chunk.length);
  }

  /** The client takes more. */
  credit(bytes: number): void {
    this.#sender.credit(bytes);
    // The decoder gets as many, so no more waits than was collected.
    if (this.#sending === null) this.#owedCredits += bytes;
    else this.#decoder?.credit(bytes);
    this.#afterSending();
    this.#charge();
  }

  /** The client has left, or the origin has. */
  cancel(): void {
    this.#over = true;
    this.#decoder?.destroy();
    this.#sender.drop();
    this.#collected = null;
    this.#charge();
  }

  /** Counts what is kept now. */
  #charge(): void {
    const kept =
      this.#over || this.#sender.done ? 0 : Math.max(LEAST_COST, this.#sender.waiting + (this.#collected?.length ?? 0));
    this.#all.used += kept - this.#charged;
    this.#charged = kept;
  }

  onDecoded(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    if (this.#collected === null) this.#sender.give(chunk);
    else if (this.#isTooLarge(this.#collected, chunk)) this.#beginStreaming(this.#collected.body, chunk);
    if (!more && !this.#over) this.#end();
    this.#charge();
  }

  /** Adds `chunk`. Returns true, and adds nothing, if the body is not one that is kept whole. */
  #isTooLarge(collected: BodyCollector, chunk: Buffer): boolean {
    return (this.#all.full && collected.length + chunk.length > WINDOW) || !collected.add(chunk);
  }

  #end(): void {
    this.#ended = true;
    if (this.#sending !== null) {
      this.#afterSending();
      return;
    }
    const instruct = this.#parse(this.#collected?.body ?? EMPTY);
    if (instruct === null) return;
    this.#collected = null;
    if ((instruct.hold === null && instruct.links.next === null) || !this.#canBeHeld(instruct)) {
      this.#relay(instruct);
      return;
    }
    this.#over = true;
    this.#charge();
    this.#outcome.onHold(instruct, this.#sender.credits, false);
  }

  onDecodingError(error: ContentError): void {
    this.#fail(new ExchangeError('HF_GRIP_INVALID', `the GRIP response is ${error.message}`));
  }

  /** A call of zlib for this response threw. */
  onFault(thrown: unknown): void {
    this.cancel();
    this.#outcome.onFault(thrown);
  }

  /** RFC 9110 §6.4.1: a response without a body by definition is complete with its head, so it cannot be a stream. */
  #canBeHeld({ hold, response }: Instruct): boolean {
    if (this.#method === 'HEAD') return false;
    return hold?.mode === 'response' || (response.status !== 204 && response.status !== 304);
  }

  onEncodedTaken(bytes: number): void {
    this.#withheld += bytes;
    this.#releaseIfTaken();
  }

  #releaseIfTaken(): void {
    if (this.#sender.waiting <= (this.#all.full ? 0 : MAX_WAITING)) this.#release();
  }

  #release(): void {
    const bytes = this.#withheld;
    this.#withheld = 0;
    if (bytes > 0 && !this.#over && !this.#ended) this.#outcome.onOriginCredit(bytes);
  }

  /** The body is too large to be collected: what has come of it goes to the client, `rest` last. */
  #beginStreaming(collected: Buffer, rest: Buffer): void {
    const instruct = this.#beginsStream() ? this.#parse(EMPTY) : null;
    if (this.#over) return;
    if (instruct === null || !canBegin(instruct)) {
      const bound = this.#all.full ? WINDOW : MAX_INSTRUCT_BODY;
      const detail = `GRIP instruct response over ${bound} bytes that is not the beginning of a stream`;
      this.#fail(new ExchangeError('HF_GRIP_TOO_LARGE', detail));
      return;
    }
    this.#collected = null;
    this.#sending = instruct;
    const { status, reason, headers } = instruct.response;
    this.#outcome.onStreaming();
    this.#requester.onResponse({ status, reason, headers, bodyLength: UNKNOWN_LENGTH });
    this.#sender.give(collected);
    this.#sender.give(rest);
    this.#decoder?.credit(this.#owedCredits);
  }

  /** Whether the response can go on after its body, as far as its head tells. */
  #beginsStream(): boolean {
    const mode = holdModeOf(this.#headers);
    if (mode !== null || isInstructBody(this.#headers)) return mode === 'stream';
    return fieldValue(this.#headers, 'grip-hold') === undefined && fieldValue(this.#headers, 'grip-link') !== undefined;
  }

  #relay(instruct: Instruct): void {
    const { status, reason, headers, body } = instruct.response;
    this.#sending = { hold: null, response: instruct.response, links: NO_LINKS };
    this.#outcome.onRelay(status);
    this.#requester.onResponse({ status, reason, headers, bodyLength: body.length });
    this.#sender.give(body, true);
  }

  #afterSending(): void {
    if (this.#over || this.#sending === null) return;
    this.#releaseIfTaken();
    if (!this.#ended || this.#sender.waiting > 0) return;
    if (this.#sending.hold === null && this.#sending.links.next === null) return;
    this.#over = true;
    this.#charge();
    this.#outcome.onHold(this.#sending, this.#sender.credits, true);
  }

  #parse(body: Buffer): Instruct | null {
    const { status, reason } = this.#head;
    let problem: string;
    try {
      const instruct = parseInstruct(status, reason, this.#headers, body);
      if (instruct.response.status >= 200) return filtered(instruct);
      problem = `${instruct.response.status} is not a final status`;
    } catch (error) {
      if (!(error instanceof GripError || error instanceof FilterError)) throw error;
      problem = error.message;
    }
    this.#fail(new ExchangeError('HF_GRIP_INVALID', `Failed to parse accept instructions: ${problem}`));
    return null;
  }

  #fail(error: ExchangeError): void {
    if (this.#over) return;
    this.cancel();
    this.#outcome.onGripError(error);
  }
}

/** Whether a body that is not kept whole may begin the stream: `build-id` would have to change it (GRIP §2). */
function canBegin({ hold, links, unheld }: Instruct): boolean {
  if (hold === null && links.next === null) return false;
  const channels = (hold ?? unheld)?.channels ?? [];
  return channels.every(({ filters }) => !filters.includes('build-id'));
}

/**
 * Without a hold the filters of the channels apply to the body here (GRIP §2).
 * @throws FilterError
 */
function filtered(instruct: Instruct): Instruct {
  const { unheld, response } = instruct;
  const body = FilteredBody.of(unheld ?? null);
  return body === null ? instruct : { ...instruct, response: { ...response, body: body.next(response.body, false) } };
}
