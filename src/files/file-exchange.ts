import { read } from 'node:fs';
import { type Guarded, guarded } from '../clock/index.ts';
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

/**
 * Bytes of a file that are read at a time, as far as the client takes them. This is all that one response holds.
 * @bound files-read
 */
const READ_BYTES = 65_536;

const EMPTY = Buffer.alloc(0);

/** What a response needs of its folder. */
export interface FileUse extends FaultReport {
  /** Keeps the descriptor of `entry` open until `leave`. */
  use(entry: FileEntry): void;
  leave(entry: FileEntry): void;
  /** A file could not be read to its end. */
  onFailed(error: ExchangeError): void;
}

type Read = (error: NodeJS.ErrnoException | null, bytes: number, buffer: Buffer) => void;

/** Responds to one request for a file that has to be looked for, or whose body does not fit what the client takes at once. */
export class FileExchange extends CreditedResponse implements Responder, Guarded {
  readonly request: RequestHead;
  readonly #requester: Requester;
  readonly #folder: FileUse;
  #pieces: FileResponse['pieces'] = [];
  /** The next of them, and where in it the next byte is. */
  #index = 0;
  #at = 0;
  /** The file that is being read; its descriptor stays open until this is null. */
  #entry: FileEntry | null = null;
  #reading = false;
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

  onFault(thrown: unknown): void {
    this.fail(reportFault(this.#folder, thrown, { request: this.request.id }));
    this.#leave();
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    super.pass(chunk, more);
    if (!more) this.#ended = true;
  }

  /** Reads on, as far as the client takes it. */
  #advance(): void {
    while (this.#entry !== null && !this.#reading && !this.done && this.waiting === 0 && this.credits > 0) {
      const piece = this.#pieces[this.#index] as Buffer | ByteRange;
      if (Buffer.isBuffer(piece)) this.#give(piece, true);
      else this.#read(piece, this.#entry);
    }
  }

  #read(range: ByteRange, { handle }: FileEntry): void {
    if (this.#at < range.start) this.#at = range.start;
    const length = Math.min(range.end - this.#at, this.credits, READ_BYTES);
    this.#onRead ??= guarded(this, (error, bytes, buffer) => this.#afterRead(error, bytes, buffer));
    // The receiver keeps the bytes, so there is a buffer for each read.
    read(handle?.fd as number, Buffer.allocUnsafeSlow(length), 0, length, this.#at, this.#onRead);
    this.#reading = true;
  }

  #afterRead(error: NodeJS.ErrnoException | null, bytes: number, buffer: Buffer): void {
    this.#reading = false;
    if (this.done) {
      this.#leave();
    } else if (error !== null || bytes === 0) {
      const reason = error === null ? 'it has become shorter' : systemErrorText(error);
      const failure = new ExchangeError('HF_FILE_FAILED', `${this.#entry?.key}: ${reason}`);
      this.#folder.onFailed(failure);
      this.fail(failure);
    } else {
      this.#at += bytes;
      const { end } = this.#pieces[this.#index] as ByteRange;
      this.#give(bytes === buffer.length ? buffer : buffer.subarray(0, bytes), this.#at === end);
      this.#advance();
    }
  }

  /** @param whole whether the piece ends with these bytes */
  #give(bytes: Buffer, whole: boolean): void {
    if (whole) {
      this.#index++;
      this.#at = 0;
    }
    const last = this.#index === this.#pieces.length;
    this.give(bytes, last);
    // The last bytes may still wait for credits; the file is not needed for them.
    if (last) this.#leave();
  }

  /** The file is not needed any more. While a read is under way its descriptor has to stay. */
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
