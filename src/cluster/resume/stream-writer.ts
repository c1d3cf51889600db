import type { AtTurnEnd, Guarded, TurnQueue } from '../../clock/index.ts';
import { BEGINNING, type ResumableStream, type StreamMirror } from '../../resume/index.ts';
import type { Subjects } from '../subjects.ts';
import { encodeEnd, encodePiece, encodeStreamHead, PIECE_START } from './stream-record.ts';

/** Bytes of a log in one message: several messages fit into what a viewer asks for at a time. */
const PIECE = 32_768;

/**
 * Bytes of one stream that were published and the broker has not acknowledged.
 * @bound cluster-stream-window
 */
export const STREAM_WINDOW = 262_144;

/** Milliseconds within which the broker has to acknowledge a message. */
const ACK = 5_000;

/** A message that was published. */
export interface SentRecord {
  readonly writer: StreamWriter;
  readonly token: number;
  /** What it is: the head, the end, or a piece up to a position. */
  readonly what: 'head' | 'end' | number;
  /** Bytes that it counts until the broker has acknowledged it. */
  readonly cost: number;
  /** Milliseconds of the timer wheel. */
  readonly at: number;
  /** Whether the broker has it. */
  stored: boolean;
}

/** What the writers of a node share. */
export interface WriterRoom extends Guarded {
  readonly subjects: Subjects;
  readonly turns: TurnQueue;
  /** Bytes of a message at most. */
  readonly maxPayload: number;
  /** Milliseconds of the timer wheel. */
  readonly now: number;
  /** Publishes a message; null where that is not possible now: then the writer is called when it is. */
  send(writer: StreamWriter, subject: string, data: Buffer, what: SentRecord['what']): SentRecord | null;
  /** Nobody waits for its acknowledgement any more. */
  forget(sent: SentRecord): void;
  /** Publishes a message without waiting for its acknowledgement. */
  publish(subject: string, data: Buffer): void;
  /** Deletes the messages of a log with lower numbers. */
  trim(stream: string, number: number): void;
  onLost(writer: StreamWriter, reason: string): void;
  onGone(writer: StreamWriter): void;
}

/**
 * Writes one stream to the broker: its head, its log in pieces, and its end. What the broker has not acknowledged is still in the log, and is written again after a failure. Readers
 * know by the positions what comes twice. When the log has discarded it, other nodes cannot have the stream any more.
 */
export class StreamWriter implements StreamMirror, AtTurnEnd {
  readonly stream: ResumableStream;
  /** Whether other nodes cannot continue the stream. */
  lost = false;
  /** Whether something has been published. */
  begun = false;
  readonly #room: WriterRoom;
  #gone = false;
  #queued = false;
  /** What was published, the oldest first, from the first message on that the broker has not acknowledged. */
  #sent: SentRecord[] = [];
  #sentBytes = 0;
  #failed = false;
  #headSent = false;
  #headStored = false;
  /** When the head was published. */
  #headAt = 0;
  #endSent = false;
  /** Position of the next byte to publish, and up to which the broker has all. */
  #position = BEGINNING;
  #stored = BEGINNING;
  /** A place in the log, with the number of its message: what is before it is deleted when as much as the log holds has come after it. */
  #mark = { position: BEGINNING, number: 0 };

  constructor(room: WriterRoom, stream: ResumableStream) {
    this.#room = room;
    this.stream = stream;
  }

  onChange(): void {
    if (this.#queued || this.lost || this.#gone) return;
    this.#queued = true;
    this.#room.turns.add(this);
  }

  onTurnEnd(): void {
    this.#queued = false;
    this.write();
  }

  /** Publishes what there is, as far as it may. */
  write(): void {
    const { stream } = this;
    if (this.lost || this.#gone || this.#failed) return;
    if (this.#position < stream.log.start) {
      this.lose('the broker is too slow');
      return;
    }
    while (this.#sentBytes < STREAM_WINDOW && this.#writeNext());
  }

  /** The broker has a message, by this number in the store. */
  onStored(sent: SentRecord, number: number): void {
    sent.stored = true;
    this.#sentBytes -= sent.cost;
    if (typeof sent.what === 'number') this.#trim(sent.what, number);
    let count = 0;
    for (; this.#sent[count]?.stored === true; count++) {
      const { what } = this.#sent[count] as SentRecord;
      if (what === 'head') this.#headStored = true;
      else if (what !== 'end') this.#stored = what;
    }
    this.#sent.splice(0, count);
    this.write();
  }

  /** The broker has refused a message: all from there on is tried again a little later. */
  onRefused(): void {
    this.#failed = true;
  }

  /** Publishes again what the broker has not acknowledged. */
  again(): void {
    this.#forgetSent();
    this.#failed = false;
    this.#headSent = this.#headStored;
    this.#endSent = false;
    this.#position = this.#stored;
    this.write();
  }

  /** Is called now and then. @param headAge milliseconds after which the head is published again, as the store forgets old messages */
  check(headAge: number): void {
    const { now } = this.#room;
    const [first] = this.#sent;
    if (this.lost || this.#gone) return;
    if (this.#headStored && now - this.#headAt >= headAge) this.#headSent = false;
    if (this.#failed || (first !== undefined && now - first.at >= ACK)) this.again();
    else this.write();
  }

  /** Other nodes cannot have the rest. Their clients are cut off. */
  lose(reason: string): void {
    this.lost = true;
    this.#forgetSent();
    if (this.begun) this.#room.publish(this.#log, encodeEnd(0, 0, true));
    this.#room.onLost(this, reason);
  }

  /** This node stops: what there is stays at the broker. */
  stop(): void {
    if (this.#gone || this.lost) return;
    this.write();
    if (!this.#endSent) this.lose('the node stops');
    this.#gone = true;
  }

  onGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#forgetSent();
    this.#room.onGone(this);
  }

  onFault(thrown: unknown): void {
    this.#room.onFault(thrown);
    this.lose('of an internal error');
  }

  get #log(): string {
    return this.#room.subjects.streamLog(this.stream.id);
  }

  /** Publishes the next message; false when there is none, or when it cannot be. */
  #writeNext(): boolean {
    const { stream } = this;
    const { log } = stream;
    if (!this.#headSent) return this.#writeHead();
    if (this.#position < log.end) {
      const most = Math.min(PIECE, this.#room.maxPayload - PIECE_START);
      const length = Math.min(most, log.end - this.#position);
      const data = encodePiece(this.#position, length, (target) => log.copy(this.#position, target));
      if (!this.#send(this.#log, data, this.#position + length)) return false;
      this.#position += length;
      return true;
    }
    if (!stream.ended || this.#endSent) return false;
    const end = encodeEnd(log.end, stream.lastEvent, stream.error !== null);
    this.#endSent = this.#send(this.#log, end, 'end');
    return false;
  }

  #writeHead(): boolean {
    const { id, head, owner, maxBytes } = this.stream;
    const { status, reason, headers } = head;
    const data = encodeStreamHead({ status, reason, headers, owner, maxBytes });
    if (data.length > this.#room.maxPayload) {
      this.lose('its header is larger than max_payload of the broker');
      return false;
    }
    if (!this.#send(this.#room.subjects.streamHead(id), data, 'head')) return false;
    this.#headSent = true;
    this.#headAt = this.#room.now;
    return true;
  }

  #send(subject: string, data: Buffer, what: SentRecord['what']): boolean {
    const sent = this.#room.send(this, subject, data, what);
    if (sent === null) return false;
    this.begun = true;
    this.#sent.push(sent);
    this.#sentBytes += sent.cost;
    return true;
  }

  /** Deletes at the broker what the log here does not hold any more, so that at most twice as much stays there. */
  #trim(position: number, number: number): void {
    if (position - this.#mark.position < this.stream.maxBytes) return;
    if (this.#mark.number > 0) this.#room.trim(this.stream.id, this.#mark.number);
    this.#mark = { position, number };
  }

  #forgetSent(): void {
    for (const sent of this.#sent) if (!sent.stored) this.#room.forget(sent);
    this.#sent = [];
    this.#sentBytes = 0;
  }
}
