import { attempt, type TimerWheel } from '../clock/index.ts';
import { fieldValue } from '../codec/fields/index.ts';
import {
  type Counters,
  type Current,
  LineRate,
  type Log,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
} from '../exchange/index.ts';
import { type EventId, formatEventId, newPlace, newStreamId, parseEventId } from './event-id.ts';
import { LogMemory } from './log-memory.ts';
import {
  type NewStream,
  ResumableStream,
  STREAM_COST,
  type StreamMirror,
  type StreamOwner,
  type StreamRoom,
} from './resumable-stream.ts';

const EMPTY = Buffer.alloc(0);

// Fields of a request for a stream, which comes from this server, perhaps from another process of it.
const [METHOD, URL_DIGEST, RIGHTS] = ['stream-method', 'stream-url', 'stream-rights'] as const;

/** Rights of a client that may read whatever is at its URL. */
export const ALL_RIGHTS = '*';

/** What a table of streams is made of. */
export interface ResumableStreamsOptions {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  /** Bytes of all streams together. */
  readonly maxBytes: Current<number>;
}

/**
 * The resumable streams of this process.
 *
 * All together have a bound in bytes, to which each counts the memory of its log, its header and at least 2,048. Beyond it those go that
 * nobody reads, the one that was left first before the others; then the others keep only what has not been read, and further responses are not
 * logged.
 * @bound resumable-streams
 */
export class ResumableStreams implements StreamRoom {
  /** The name of this process in event ids. */
  readonly place = newPlace();
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly memory = new LogMemory();
  readonly #maxBytes: Current<number>;
  readonly #streams = new Map<string, ResumableStream>();
  /** Those that nobody reads, the one that was left first before the others. */
  readonly #unread = new Set<ResumableStream>();
  readonly #lines = new LineRate();
  #bytes = 0;
  #whenEmpty: (() => void)[] = [];
  /** Streams whose origins have not ended. */
  #running = 0;
  #whenEnded: (() => void)[] = [];
  /** Is called before the first stream begins. */
  onFirst: () => void = () => {};
  /** Makes what writes a stream for other nodes; null where there are none. */
  mirror: ((stream: ResumableStream) => StreamMirror) | null = null;
  #begun = false;

  constructor({ wheel, counters, log, maxBytes }: ResumableStreamsOptions) {
    this.wheel = wheel;
    this.counters = counters;
    this.log = log;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Bytes that all streams are charged. */
  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#maxBytes.current;
  }

  /** An id for a stream; null if there is no room for another one. */
  newId(): string | null {
    this.#makeRoom(STREAM_COST);
    if (this.#bytes + STREAM_COST <= this.#maxBytes.current) return newStreamId(this.place);
    this.counters.streamsUnlogged++;
    this.#lines.write(this.log, 'warn', { bytes: this.#bytes }, 'no room for another resumable stream');
    return null;
  }

  begin(begun: NewStream): ResumableStream {
    if (!this.#begun) {
      this.#begun = true;
      this.onFirst();
    }
    const stream = new ResumableStream(this, begun);
    this.#streams.set(begun.id, stream);
    stream.mirror = this.mirror?.(stream) ?? null;
    this.#running++;
    this.counters.streamsStarted++;
    this.counters.streamsOpen++;
    return stream;
  }

  /** The stream with an id; undefined if it is not here. */
  get(id: string): ResumableStream | undefined {
    return this.#streams.get(id);
  }

  /** Settles when there is no stream. */
  whenEmpty(): Promise<void> {
    if (this.#streams.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  /** Settles when all streams have come to their end. */
  whenEnded(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEnded.push(resolve);
    });
  }

  /** Lets all streams go. */
  close(): void {
    for (const stream of [...this.#streams.values()]) attempt(stream, letGo);
  }

  /**
   * Responds to a request that `resumeRequest` has made: with the rest of the stream, 204 where there is none, 403 where the rights are others,
   * 404 where the stream, or what follows the event, is not here.
   */
  readonly service = (request: RequestHead, requester: Requester): Responder => {
    const id = parseEventId(request.target.slice(1));
    const stream = id === null ? undefined : this.#streams.get(id.stream);
    const place = id === null || stream === undefined ? null : stream.placeBehind(id.position);
    const status = id === null || stream === undefined ? 404 : statusOf(stream, id.position, place, request);
    if (stream === undefined || place === null || status !== 200) {
      respond(requester, { head: { status, reason: '', headers: [], bodyLength: 0 }, body: EMPTY });
      return NO_RESPONDER;
    }
    requester.onResponse(stream.head);
    return stream.open(requester, request.credits, place);
  };

  // ---- for the streams (StreamRoom)

  charge(bytes: number): void {
    this.#bytes += bytes;
    if (bytes > 0) this.#makeRoom(0);
  }

  onRead(stream: ResumableStream): void {
    this.#unread.delete(stream);
  }

  onUnread(stream: ResumableStream): void {
    this.#unread.add(stream);
    this.#makeRoom(0);
  }

  onEnded(): void {
    this.#running--;
    if (this.#running > 0) return;
    for (const resolve of this.#whenEnded.splice(0)) resolve();
  }

  onExpired(stream: ResumableStream): void {
    if (stream.ended) return;
    this.counters.streamsAbandoned++;
    this.#lines.write(this.log, 'info', { bytes: stream.log.size }, 'nobody came back to a stream, its origin is cut');
  }

  onGone(stream: ResumableStream, bytes: number): void {
    this.#bytes -= bytes;
    this.#unread.delete(stream);
    if (this.#streams.delete(stream.id)) this.counters.streamsOpen--;
    if (this.#streams.size > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Lets those go that nobody reads, until so many bytes more fit. */
  #makeRoom(bytes: number): void {
    const most = this.#maxBytes.current;
    if (this.#bytes + bytes <= most) return;
    for (const stream of this.#unread) {
      this.counters.streamsEvicted++;
      this.#lines.write(this.log, 'warn', { bytes: this.#bytes }, 'too many resumable streams, one is discarded');
      attempt(stream, letGo);
      if (this.#bytes + bytes <= most) return;
    }
  }
}

function letGo(stream: ResumableStream): void {
  stream.letGo();
}

/**
 * The status of the response to a request for a stream: 200 where it is the rest of the stream.
 * @param place what follows the event; null where that is not here
 */
function statusOf(stream: ResumableStream, position: number, place: number | null, request: RequestHead): number {
  const refusal = refusalOf(stream.owner, request);
  if (refusal > 0) return refusal;
  // A stream that has failed has no end: a client that has all of it is to ask the origin again.
  if (stream.endsWith(position)) return stream.error === null ? 204 : 404;
  return place === null ? 404 : 200;
}

/** The status that refuses a request which `resumeRequest` has made: 404 where it is for another URL, 403 where the rights are others; 0 where it may have the stream. */
export function refusalOf(owner: StreamOwner, { headers }: RequestHead): number {
  const method = fieldValue(headers, METHOD);
  if (method !== 'GET' && method !== owner.method) return 404;
  if (fieldValue(headers, URL_DIGEST) !== owner.url) return 404;
  const rights = fieldValue(headers, RIGHTS);
  return rights === ALL_RIGHTS || rights === owner.rights ? 0 : 403;
}

/**
 * The request for the rest of a stream.
 * @param event the last one that the client has
 * @param owner who asks; `ALL_RIGHTS` for one who may read it whoever began it
 */
export function resumeRequest(event: EventId, { method, url, rights }: StreamOwner, client: RequestHead): RequestHead {
  return {
    id: client.id,
    method: 'GET',
    target: `/${formatEventId(event)}`,
    scheme: 'http',
    authority: 'streams',
    version: '1.1',
    headers: ['Host', 'streams', METHOD, method, URL_DIGEST, url, RIGHTS, rights],
    bodyLength: 0,
    peer: client.peer,
    credits: client.credits,
  };
}
