import { read, readSync } from 'node:fs';
import { type AwaitsTurn, guarded, SMALL_SHARE, turnBudget } from '../clock/index.ts';
import {
  CreditedResponse,
  ExchangeError,
  type FaultReport,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  systemErrorText,
} from '../exchange/index.ts';
import type { ByteRange } from './byte-ranges.ts';
import type { FileEntry } from './file-entry.ts';
import type { FileResponse } from './file-response.ts';
import { returnBuffer, takeBuffer } from './read-buffers.ts';

/** A read on the event loop that takes longer, in milliseconds, may have waited for the device: threads make the next reads. */
const SLOW_READ = 5;
const READS_AFTER_SLOW = 16;

/** Reads on the event loop that one response may do in its turn: a client that takes much at once costs less than many that take turns. */
const READS_PER_TURN = 8;

const EMPTY = Buffer.alloc(0);

/** What a response needs of its folder. */
export interface FileUse extends FaultReport {
  /** Milliseconds by a clock that never goes back. */
  clock(): number;
  /** Keeps the descriptor of `entry` open until `leave`. */
  use(entry: FileEntry): void;
  leave(entry: FileEntry): void;
  /** A file could not be read to its end. */
  onFailed(error: ExchangeError): void;
}

type Read = (error: NodeJS.ErrnoException | null, bytes: number, buffer: Buffer) => void;

/** Responds to one request for a file that has to be looked for, or whose body does not fit what the client takes at once. */
export class FileExchange extends CreditedResponse implements Responder, AwaitsTurn {
  readonly request: RequestHead;
  readonly #requester: Requester;
  readonly #folder: FileUse;
  #pieces: FileResponse['pieces'] = [];
  /** The next of them, and where in the file its next byte is. */
  #index = 0;
  #at = 0;
  /** The file that is being sent; its descriptor stays open until this is null. */
  #entry: FileEntry | null = null;
  /** A thread reads. */
  #reading = false;
  /** Reads that are to be made by threads, whoever has read the same bytes before. */
  #threaded = 0;
  /** The next read has to wait: for the one under way, for its bytes to be taken, or for the next turn. */
  #busy = false;
  /** Nothing may be said to the requester any more. */
  #ended = false;
  #onRead: Read | null = null;

  constructor(request: RequestHead, requester: Requester, folder: FileUse) {
    super(requester, request.credits);
    this.request = request;
    this.#requester = requester;
    this.#folder = folder;
  }

  /** Sends a response. Parts of a file are those of `entry`. */
  respond({ head, pieces }: FileResponse, entry: FileEntry | null): void {
    if (this.#ended) return;
    this.#pieces = this.request.method === 'HEAD' ? [] : pieces;
    const content = entry?.content ?? null;
    if (entry !== null && content === null && this.#pieces.some((piece) => !Buffer.isBuffer(piece))) {
      this.#entry = entry;
      this.#folder.use(entry);
    }
    this.#requester.onResponse(head);
    if (this.#ended) return;
    if (this.#entry === null) this.give(joined(this.#pieces, content), true);
    else this.#advance();
  }

  /** Ends it with an error. */
  fail(error: ExchangeError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.drop();
    this.#leave();
    this.#requester.onResponseError(error);
  }

  // A GET has no body that anyone needs.
  onRequestData(): void {}

  onRequestError(): void {
    this.#ended = true;
    this.drop();
    this.#leave();
  }

  onResponseCredit(bytes: number): void {
    this.credit(bytes);
    this.#advance();
  }

  onTurn(): void {
    this.#busy = false;
    this.#advance();
  }

  onFault(thrown: unknown): void {
    this.fail(reportFault(this.#folder, thrown, { request: this.request.id }));
    this.#leave();
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    super.pass(chunk, more);
    if (!more) this.#ended = true;
  }

  /** Sends on, as far as the client takes it. */
  #advance(): void {
    let reads = this.#sends && turnBudget.share > SMALL_SHARE ? READS_PER_TURN : 1;
    while (this.#sends) {
      const piece = this.#pieces[this.#index] as Buffer | ByteRange;
      if (Buffer.isBuffer(piece)) this.#give(piece);
      else if (reads-- > 0) this.#read(piece, this.#entry as FileEntry);
      else {
        this.#busy = true;
        turnBudget.wait(this);
      }
    }
  }

  /** Whether the next bytes can be sent now. */
  get #sends(): boolean {
    return this.#entry !== null && !this.#busy && !this.done && this.waiting === 0 && this.credits > 0;
  }

  /** A whole piece that is not of the file. */
  #give(piece: Buffer): void {
    const last = this.#nextPiece();
    this.give(piece, last);
    // The bytes may still wait for credits; the file is not needed for them.
    if (last) this.#leave();
  }

  /** Returns whether the piece before was the last one. */
  #nextPiece(): boolean {
    this.#index++;
    this.#at = 0;
    return this.#index === this.#pieces.length;
  }

  #read(range: ByteRange, entry: FileEntry): void {
    if (this.#at < range.start) this.#at = range.start;
    const fd = entry.handle?.fd as number;
    const buffer = takeBuffer();
    const length = Math.min(range.end - this.#at, this.credits, buffer.length);
    this.#busy = true;
    if (this.#threaded > 0) this.#threaded--;
    else if (this.#at + length <= entry.warm) {
      this.#readNow(fd, buffer, length);
      return;
    }
    this.#onRead ??= guarded(this, (error, bytes, buffer) => this.#afterRead(error, bytes, buffer));
    read(fd, buffer, 0, length, this.#at, this.#onRead);
    this.#reading = true;
  }

  /** Others have read these bytes since the file was opened: so the kernel has them, and a thread would cost more than copying them. */
  #readNow(fd: number, buffer: Buffer, length: number): void {
    const start = this.#folder.clock();
    let bytes = 0;
    try {
      bytes = readSync(fd, buffer, 0, length, this.#at);
    } catch (error) {
      this.#cannotRead(systemErrorText(error));
      return;
    }
    if (this.#folder.clock() - start > SLOW_READ) this.#threaded = READS_AFTER_SLOW;
    this.#send(bytes, buffer);
    this.#busy = false;
  }

  #afterRead(error: NodeJS.ErrnoException | null, bytes: number, buffer: Buffer): void {
    this.#reading = false;
    if (this.done) {
      returnBuffer(buffer);
      this.#leave();
    } else if (error !== null) {
      this.#cannotRead(systemErrorText(error));
    } else {
      this.#send(bytes, buffer);
      this.#busy = false;
      this.#advance();
    }
  }

  /** Sends what was read. */
  #send(bytes: number, buffer: Buffer): void {
    const entry = this.#entry as FileEntry;
    if (bytes === 0) {
      this.#cannotRead('it has become shorter');
      return;
    }
    const range = this.#pieces[this.#index] as ByteRange;
    this.#at += bytes;
    if (this.#at - bytes <= entry.warm) entry.warm = Math.max(entry.warm, this.#at);
    const last = this.#at === range.end && this.#nextPiece();
    this.credits -= bytes;
    this.done = last;
    this.#lend(buffer, bytes, !last);
    if (!last) return;
    this.#ended = true;
    this.#leave();
  }

  #lend(buffer: Buffer, bytes: number, more: boolean): void {
    const chunk = bytes === buffer.length ? buffer : buffer.subarray(0, bytes);
    if (this.#requester.onResponseLoan === undefined) this.#requester.onResponseData(chunk, more);
    else if (this.#requester.onResponseLoan(chunk, more)) returnBuffer(buffer);
  }

  #cannotRead(reason: string): void {
    const failure = new ExchangeError('HF_FILE_FAILED', `${this.#entry?.key}: ${reason}`);
    this.#folder.onFailed(failure);
    this.fail(failure);
  }

  /** The file is not needed any more. While a thread reads it its descriptor has to stay. */
  #leave(): void {
    const entry = this.#entry;
    if (entry === null || this.#reading) return;
    this.#entry = null;
    this.#folder.leave(entry);
  }
}

/** A body whose parts of a file are those of `content`. */
function joined(pieces: FileResponse['pieces'], content: Buffer | null): Buffer {
  const buffers = pieces.map((piece) =>
    Buffer.isBuffer(piece) ? piece : (content ?? EMPTY).subarray(piece.start, piece.end),
  );
  const [first = EMPTY] = buffers;
  return buffers.length < 2 ? first : Buffer.concat(buffers);
}
