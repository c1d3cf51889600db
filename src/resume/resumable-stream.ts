import { attempt, DeadlineTimer, type Guarded, type TimerWheel } from '../clock/index.ts';
import { listBytes } from '../codec/fields/index.ts';
import {
  type Counters,
  ExchangeError,
  type Log,
  type Requester,
  type ResponseHead,
  reportFault,
  WINDOW,
} from '../exchange/index.ts';
import { formatEventId } from './event-id.ts';
import { BEGINNING, EventLog } from './event-log.ts';
import { EventScanner } from './event-scanner.ts';
import type { LogMemory } from './log-memory.ts';
import { LogReader, type ReadStream } from './log-reader.ts';

/** Bytes that a stream is charged beside its log and its header. */
export const STREAM_COST = 2_048;

/** A byte of the origin becomes at most so many bytes of the log: an event of 3 bytes gets an id of at most 51. */
const GROWTH = 20;

/** Bytes that may be on their way to a client: a window and the buffer of a socket at each of four hops at most. */
const UNDERWAY = 8 * WINDOW;

/** The origin is not granted less at a time, so that it does not send byte by byte. */
const LEAST_GRANT = 256;

/** How long a stream is kept, and how much of it. */
export interface StreamRules {
  /** Seconds that it is kept while nobody reads it. */
  readonly ttl: number;
  /** Bytes of its log. */
  readonly maxBytes: number;
}

/** Who may come back to a stream. */
export interface StreamOwner {
  /** Of the request: GET may come back to any. */
  readonly method: string;
  /** Digest of the URL. */
  readonly url: string;
  /** Digest of the credentials; empty for anybody. */
  readonly rights: string;
}

/** The origin of a stream. */
export interface StreamOrigin {
  /** It may send so many bytes more. */
  grant(bytes: number): void;
  /** Nobody wants the rest. */
  cancel(error: ExchangeError): void;
}

/** Who reads a stream: a client here, or one at another node. */
export interface StreamReader extends Guarded {
  /** Position of the next byte for the client. */
  readonly position: number;
  /** There is more in the log, or the end. */
  send(): void;
  /** The log does not have the next byte any more, or is gone. */
  fail(error: ExchangeError): void;
}

/** Writes a stream for other nodes as it comes. Nothing here waits for it. */
export interface StreamMirror {
  /** The log has grown, or lost its oldest part, or the stream has ended. Throws nothing. */
  onChange(): void;
  /** Nobody can come back to the stream any more. Throws nothing. */
  onGone(): void;
}

/** What a stream needs of the table that it is in. */
export interface StreamRoom {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly memory: LogMemory;
  /** Whether all streams together have as much as they may: then a stream keeps only what its clients have not read. */
  readonly isFull: boolean;
  /** A stream has so many bytes more, or less. */
  charge(bytes: number): void;
  /** A stream is read again. */
  onRead(stream: ResumableStream): void;
  /** Nobody reads a stream any more. */
  onUnread(stream: ResumableStream): void;
  /** The origin of a stream has ended, or is not wanted any more. */
  onEnded(): void;
  /** Nobody has come back to a stream in time. */
  onExpired(stream: ResumableStream): void;
  /** A stream is gone, with all that it was charged. */
  onGone(stream: ResumableStream, bytes: number): void;
}

/** A stream that begins. */
export interface NewStream {
  readonly id: string;
  readonly owner: StreamOwner;
  /** As clients that come back get it. */
  readonly head: ResponseHead;
  readonly rules: StreamRules;
  readonly origin: StreamOrigin;
  /** Bytes that the origin may send already. */
  readonly granted: number;
}

/** The response of an origin that is logged while it goes to its client, so that the client can come back for what it has missed. */
export class ResumableStream extends DeadlineTimer implements ReadStream {
  readonly id: string;
  readonly owner: StreamOwner;
  /** As clients that come back get it. */
  readonly head: ResponseHead;
  readonly log: EventLog;
  ended = false;
  /** Null: it is for this node alone. */
  mirror: StreamMirror | null = null;
  /** Why the origin did not come to the end. */
  error: ExchangeError | null = null;
  readonly #room: StreamRoom;
  readonly #rules: StreamRules;
  readonly #origin: StreamOrigin;
  readonly #scanner: EventScanner;
  readonly #readers = new Set<StreamReader>();
  readonly #fixedCost: number;
  #charged = 0;
  /** Bytes that the origin was granted and has not sent. */
  #granted: number;
  /** How far a client has read. */
  #read = BEGINNING;
  #gone = false;

  constructor(room: StreamRoom, { id, owner, head, rules, origin, granted }: NewStream) {
    super(room.wheel);
    this.#room = room;
    this.id = id;
    this.owner = owner;
    this.head = head;
    this.#rules = rules;
    this.#origin = origin;
    this.#granted = granted;
    this.log = new EventLog(room.memory, rules.maxBytes);
    this.#scanner = new EventScanner(this.log, id);
    this.#fixedCost = STREAM_COST + listBytes(head.headers);
    this.#charge();
  }

  /** Whether somebody reads it. */
  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  /** Position of the id of the last complete event; 0 before the first. */
  get lastEvent(): number {
    return this.#scanner.lastEvent;
  }

  /** Bytes that its log is to hold. */
  get maxBytes(): number {
    return this.#rules.maxBytes;
  }

  /** Whether the event with the id at a position was the last one, and the stream has ended. */
  endsWith(position: number): boolean {
    return this.ended && position === this.#scanner.lastEvent;
  }

  /** The position behind the event whose id is at `position`; null if that is not in the log. */
  placeBehind(position: number): number | null {
    if (position === 0) return this.log.start === BEGINNING ? BEGINNING : null;
    const line = `id: ${formatEventId({ stream: this.id, position })}\n`;
    // An LF after a CR belongs to it.
    const text = this.log.textAt(position, line.length + 2);
    if (!text.startsWith(line)) return null;
    return position + line.length + (text.endsWith('\r\n') ? 2 : 1);
  }

  /** A client reads from a position on, which must be in the log. It has the head of its response already. */
  open(requester: Requester, credits: number, position: number): LogReader {
    const reader = new LogReader(this, requester, credits, position);
    this.join(reader);
    return reader;
  }

  /** Somebody reads it, until `onLeft`. */
  join(reader: StreamReader): void {
    this.#readers.add(reader);
    this.clearDeadline();
    this.#room.onRead(this);
    reader.send();
    this.#settle();
  }

  /** The origin has sent a part, or the end. */
  take(chunk: Buffer, more: boolean): void {
    if (this.#gone) return;
    this.#granted -= chunk.length;
    this.#scanner.write(chunk);
    if (!more) {
      this.#scanner.end();
      this.#end();
    }
    this.#charge();
    this.#sendAll();
    this.#settle();
    this.mirror?.onChange();
  }

  /** The origin has failed. */
  break(error: ExchangeError): void {
    if (this.ended || this.#gone) return;
    this.error = error;
    this.#end();
    this.#sendAll();
    this.mirror?.onChange();
  }

  /** Nobody can come back any more. The origin is cut, if it has not ended. */
  letGo(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.stopTimer();
    this.mirror?.onGone();
    this.#room.onGone(this, this.#charged);
    for (const reader of this.#readers) attempt(reader, cut, 'the stream was discarded');
    this.log.close();
    if (this.ended) return;
    this.#room.onEnded();
    this.#origin.cancel(new ExchangeError('HF_CLIENT_GONE', 'nobody reads the stream'));
  }

  #end(): void {
    this.ended = true;
    this.#room.onEnded();
    this.#granted = 0;
    if (!this.isRead) this.setDeadline(this.#rules.ttl);
  }

  #sendAll(): void {
    for (const reader of this.#readers) attempt(reader, send);
  }

  /** Lets go what there is no room for, and lets the origin send what there is room for. */
  #settle(): void {
    if (this.#gone) return;
    const floor = this.#floor();
    const { log } = this;
    const before = log.start;
    const most = this.#room.isFull ? 0 : this.#rules.maxBytes;
    while (log.size > most && log.dropFirst(floor, this.#taken()));
    if (log.start !== before) {
      this.#charge();
      this.mirror?.onChange();
      for (const reader of this.#readers) {
        if (reader.position < log.start) attempt(reader, cut, 'the client is too far behind');
      }
    }
    if (!this.ended) this.#grant(log.end - floor);
  }

  /** Position up to which no client, nor the way to it, can have a view of the log. */
  #taken(): number {
    let least = this.isRead ? Number.POSITIVE_INFINITY : 0;
    for (const { position } of this.#readers) least = Math.min(least, position);
    return least - UNDERWAY;
  }

  /** Position of the first byte that has to stay. */
  #floor(): number {
    if (!this.isRead) {
      // What was sent may not have arrived: half of the log is for that.
      return Math.max(this.log.start, this.#read - (this.#rules.maxBytes >> 1));
    }
    let furthest = 0;
    for (const { position } of this.#readers) furthest = Math.max(furthest, position);
    this.#read = Math.max(this.#read, furthest);
    return furthest;
  }

  /** @param kept bytes that have to stay */
  #grant(kept: number): void {
    const most = this.#room.isFull ? Math.min(WINDOW, this.#rules.maxBytes) : this.#rules.maxBytes;
    const window = Math.min(WINDOW, Math.floor((most - kept) / GROWTH));
    const bytes = window - this.#granted;
    if (bytes < LEAST_GRANT || bytes < window >> 1) return;
    this.#granted += bytes;
    this.#origin.grant(bytes);
  }

  #charge(): void {
    const cost = this.#fixedCost + this.log.allocated;
    if (cost === this.#charged) return;
    const more = cost - this.#charged;
    this.#charged = cost;
    this.#room.charge(more);
  }

  // ---- from the readers (ReadStream)

  onTaken(): void {
    this.#settle();
  }

  onLeft(reader: StreamReader): void {
    this.#read = Math.max(this.#read, reader.position);
    if (!this.#readers.delete(reader) || this.isRead || this.#gone) return;
    if (!this.ended && this.#scanner.lastEvent === 0 && this.owner.method === 'GET') {
      // EventSource has no id to come back with, and the origin may take one stream of a client only.
      this.letGo();
      return;
    }
    this.setDeadline(this.#rules.ttl);
    this.#room.onUnread(this);
    this.#settle();
  }

  onReaderFault(reader: LogReader, thrown: unknown): void {
    reader.fail(reportFault(this.#room, thrown, { stream: this.id.slice(0, 8) }));
  }

  protected override onDeadline(): void {
    this.#room.onExpired(this);
    this.letGo();
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#room, thrown);
    this.letGo();
  }
}

function send(reader: StreamReader): void {
  reader.send();
}

function cut(reader: StreamReader, detail: string): void {
  reader.fail(new ExchangeError('HF_STREAM_LOST', detail));
}
