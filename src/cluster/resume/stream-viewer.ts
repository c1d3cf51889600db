import { fault } from '../../clock/index.ts';
import {
  CreditedBody,
  ExchangeError,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
} from '../../exchange/index.ts';
import { BEGINNING, type EventId, refusalOf } from '../../resume/index.ts';
import { LogPlace } from './log-place.ts';
import type { Questioner } from './stream-questions.ts';
import { type ReadingRoom, type RecordTaker, StreamReading } from './stream-reading.ts';
import type { StreamHead, StreamRecord } from './stream-record.ts';

const EMPTY = Buffer.alloc(0);

/** Milliseconds between the reports of a viewer. */
const REPORT = 5_000;

/** Milliseconds for which a viewer waits for a place that the broker does not have yet, or for a part that is missing. */
const PATIENCE = 15_000;

/** What the viewers of a process share. */
export interface ViewerRoom extends ReadingRoom {
  /** Whether the broker is away, and not only for a moment. */
  readonly isAlone: boolean;
  /** Asks the process that has a stream. @param position how far the viewer has read; -1 for one that does not */
  ask(viewer: StreamViewer, stream: string, position: number): void;
  onInvalid(): void;
  /** It has begun to respond with a stream. */
  onStarted(): void;
  onLeft(viewer: StreamViewer): void;
  onViewerFault(viewer: StreamViewer, thrown: unknown): void;
}

/**
 * Responds to a client with a stream that a process of another node has, or had: from the broker, as fast as the client takes it. It tells that process how far the client has read. Where that process has
 * gone, the client gets what there is, and is cut off.
 */
export class StreamViewer extends CreditedBody implements Responder, Questioner, RecordTaker {
  readonly #room: ViewerRoom;
  readonly #event: EventId;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #reading: StreamReading;
  readonly #place: LogPlace;
  #head: StreamHead | null = null;
  /** Whether the process that has the stream is there; null as long as that is not known. */
  #live: boolean | null = null;
  #asking = false;
  /** Asks again what the broker could not answer. */
  #unasked: (() => void) | null = null;
  #started = false;
  #over = false;
  /** Position of the next byte that is to come from the broker. */
  #next: number;
  /** When the next byte last came. */
  #moved: number;
  /** Whether a part is missing. */
  #gap = false;
  /** Position of the client that was last reported to the process of the stream, and after how many bytes it is reported again. */
  #reported = 0;
  #reportStep = 0;
  #reportedAt: number;
  /** Number of the last message of the log, where the process is gone: nothing comes after it. */
  #lastNumber: number | null = null;
  /** Why the client is cut off once it has what there is. */
  #cut: string | null = null;

  constructor(room: ViewerRoom, event: EventId, request: RequestHead, requester: Requester) {
    super(request.credits, true);
    this.#room = room;
    this.#event = event;
    this.#request = request;
    this.#requester = requester;
    this.#reading = new StreamReading(room, this, event.stream);
    this.#place = new LogPlace(event);
    this.#next = Math.max(BEGINNING, event.position);
    this.#moved = room.now;
    this.#reportedAt = room.now;
  }

  start(): void {
    this.#ask(-1);
    this.#fetchHead();
  }

  /** Is called once a second. */
  check(): void {
    const { now } = this.#room;
    if (this.#room.isAlone) {
      if (!this.#started) this.#refuse(404);
      return;
    }
    const unasked = this.#unasked;
    this.#unasked = null;
    unasked?.();
    if (this.#head === null) {
      if (now - this.#moved >= PATIENCE) this.#refuse(404);
      else if (this.#live === true) this.#fetchHead();
      return;
    }
    if (now - this.#moved >= PATIENCE) {
      if (!this.#started) this.#refuse(404);
      else if (this.#gap) this.fail('a part of the stream is missing');
    }
    if (this.#over) return;
    this.#reading.check();
    if (now - this.#reportedAt >= REPORT) this.#report();
  }

  /** The broker is there again. */
  again(): void {
    if (this.#head !== null) this.#reading.begin();
  }

  /** Cuts the response off, or lets the request go on to its origin. */
  fail(detail: string): void {
    if (this.#over) return;
    if (this.#started) {
      this.#leave();
      this.#requester.onResponseError(new ExchangeError('HF_STREAM_LOST', detail));
    } else {
      this.#refuse(404);
    }
  }

  // ---- from the process that has the stream (Questioner)

  onAnswer(live: boolean): void {
    this.#asking = false;
    if (this.#over) return;
    this.#live = live;
    if (this.#head === null) {
      // The head may be on its way to the broker.
      this.#fetchHead();
    } else if (live) {
      this.#settle();
    } else {
      this.#asked(
        () => this.#room.store.last(this.#event.stream),
        (last) => {
          this.#lastNumber = last?.number ?? 0;
          this.#settle();
        },
      );
    }
  }

  // ---- from the broker (StreamReading)

  /** A message of the log has come; null for one that no node of this version has written. */
  onRecord(record: StreamRecord | null): void {
    if (record === null) this.#room.onInvalid();
    else if (record.kind === 'piece') this.#onPiece(record.position, record.bytes);
    else this.#onEnd(record.position, record.cut);
    if (!this.#over) this.#settle();
  }

  /** There is no more at present. */
  onCaughtUp(): void {
    if (!this.#over) this.#settle();
  }

  /** Whether the client has taken what has come, so that more may come. */
  get isHungry(): boolean {
    return this.waiting === 0 && !this.#isComplete && !this.#over;
  }

  // ---- from the client (Responder)

  onRequestData(): void {}

  onRequestError(): void {
    if (!this.#over) this.#leave();
  }

  onResponseCredit(bytes: number): void {
    if (this.#over) return;
    this.credit(bytes);
    this.#reading.pull();
  }

  onFault(thrown: unknown): void {
    this.#room.onViewerFault(this, thrown);
    this.fail('of an internal error');
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    if (!more) this.#leave();
    this.#requester.onResponseData(chunk, more);
    if (this.#over) return;
    if (this.#cut !== null && this.waiting === 0) this.fail(this.#cut);
    else if (this.#next - this.waiting - this.#reported >= this.#reportStep) this.#report();
  }

  #fetchHead(): void {
    const known = this.#live;
    this.#asked(
      () => this.#room.store.head(this.#event.stream),
      (head) => {
        if (this.#head !== null) return;
        if (head !== null) this.#onHead(head);
        else if (known === false) this.#refuse(404);
      },
    );
  }

  #onHead(head: StreamHead): void {
    const refusal = refusalOf(head.owner, this.#request);
    if (refusal > 0) {
      this.#refuse(refusal);
      return;
    }
    this.#head = head;
    this.#reportStep = head.maxBytes >> 3;
    this.#moved = this.#room.now;
    this.#asked(
      () => this.#room.store.last(this.#event.stream),
      (last) => {
        const record = last?.record;
        if (record?.kind === 'end' && record.position > 0 && record.lastEvent === this.#event.position) {
          // A stream that has failed has no end: a client that has all of it is to ask the origin again.
          this.#refuse(record.cut ? 404 : 204);
          return;
        }
        this.#ask(0);
        this.#reading.begin();
      },
    );
  }

  /** Whether nothing comes after what has come. */
  get #isComplete(): boolean {
    return this.complete || this.#cut !== null;
  }

  #onPiece(position: number, bytes: Buffer): void {
    if (this.#isComplete || this.#misses(position)) return;
    const known = this.#next - position;
    if (known >= bytes.length) return;
    this.#gap = false;
    this.#moved = this.#room.now;
    this.#next += bytes.length - known;
    const fresh = bytes.subarray(known);
    this.give(this.#place.found ? fresh : this.#place.take(fresh));
  }

  /** Whether bytes before this position are missing. They are written again, if they can be. */
  #misses(position: number): boolean {
    if (position <= this.#next) return false;
    if (!this.#gap) this.#moved = this.#room.now;
    this.#gap = true;
    return true;
  }

  #onEnd(position: number, cut: boolean): void {
    if (this.#isComplete || this.#misses(position)) return;
    this.give(this.#place.finish());
    if (!this.#place.found || (cut && !this.#started && this.waiting === 0)) {
      this.#refuse(404);
      return;
    }
    this.#respond();
    if (this.#over) return;
    if (cut) this.#cutBehind(position > 0 ? 'the origin has failed' : 'the stream was discarded');
    else this.end();
  }

  /** Begins to respond as soon as there is something to respond with, and ends where nothing comes any more. */
  #settle(): void {
    const { caughtUp, number } = this.#reading;
    if (this.#over || this.#isComplete) return;
    if (caughtUp) this.give(this.#place.finish());
    if (this.#place.wrong) {
      this.#refuse(404);
      return;
    }
    if (this.#place.found && (this.waiting > 0 || (caughtUp && this.#live === true))) this.#respond();
    const isLast = this.#live === false && this.#lastNumber !== null && caughtUp && number >= this.#lastNumber;
    if (!isLast || this.#over) return;
    if (this.#started) this.#cutBehind('the node that had the stream is gone');
    else this.#refuse(404);
  }

  #cutBehind(detail: string): void {
    this.#cut = detail;
    if (this.waiting === 0) this.fail(detail);
  }

  #respond(): void {
    if (this.#started || this.#over) return;
    const { status, reason, headers } = this.#head as StreamHead;
    this.#started = true;
    this.#room.onStarted();
    this.#requester.onResponse({ status, reason, headers, bodyLength: -1 });
    this.#report();
    this.release();
  }

  #refuse(status: number): void {
    this.#leave();
    respond(this.#requester, { head: { status, reason: '', headers: [], bodyLength: 0 }, body: EMPTY });
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.drop();
    this.#reading.stop();
    if (this.#head !== null) this.#room.ask(this, this.#event.stream, -1);
    this.#room.onLeft(this);
  }

  #report(): void {
    this.#reported = this.#started ? this.#next - this.waiting : 0;
    this.#ask(this.#reported);
  }

  #ask(position: number): void {
    this.#reportedAt = this.#room.now;
    if (this.#asking && position < 0) return;
    this.#asking = true;
    this.#room.ask(this, this.#event.stream, position);
  }

  /** Goes on when the broker has answered. It is asked again when it cannot, as its servers may just elect a leader. */
  #asked<T>(ask: () => Promise<T>, next: (value: T) => void): void {
    ask().then(
      (value) => {
        if (this.#over) return;
        try {
          next(value);
        } catch (thrown) {
          fault(this, thrown);
        }
      },
      () => {
        this.#unasked = () => this.#asked(ask, next);
      },
    );
  }
}
