import {
  type ByteHolder,
  type ErrorCode,
  ExchangeError,
  type Requester,
  type Responder,
  systemErrorText,
  WINDOW,
} from '../exchange/index.ts';
import type { SpoolFile, SpoolFileOwner } from './spool-file.ts';
import type { UploadMessages } from './upload-messages.ts';
import type { UploadStore } from './upload-store.ts';

const NO_BODY = Buffer.alloc(0);

/** What the system says when there is no room for a file, or too many files are open. All else is HF_UPLOAD_STORE. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'HF_UPLOAD_NO_ROOM',
  EDQUOT: 'HF_UPLOAD_NO_ROOM',
  EFBIG: 'HF_UPLOAD_NO_ROOM',
  EMFILE: 'HF_UPLOADS_BUSY',
  ENFILE: 'HF_UPLOADS_BUSY',
};

/**
 * The body of a request that is written to a file. Its handler learns of the file when it is begun, so that it can give the upload up, and when it
 * is complete. The client sends as fast as the file takes it, at most a window ahead.
 */
export class SpooledUpload implements Responder, SpoolFileOwner, ByteHolder {
  readonly #store: UploadStore;
  readonly #requester: Requester;
  readonly #messages: UploadMessages;
  /** Null when nothing is written any more. */
  #file: SpoolFile | null = null;
  #received = false;

  constructor(store: UploadStore, requester: Requester, messages: UploadMessages) {
    this.#store = store;
    this.#requester = requester;
    this.#messages = messages;
  }

  /** The handler has nothing to grant. */
  grant(): boolean {
    return false;
  }

  /** Begins the file. */
  start(): void {
    this.#file = this.#store.add(this);
    if (this.#file === null) this.#messages.fail(new ExchangeError('HF_UPLOADS_BUSY'));
    else this.#file.open();
  }

  // ---- the client

  onRequestData(chunk: Buffer, more: boolean): void {
    const file = this.#file;
    if (file === null) return;
    if (chunk.length > 0) {
      this.#store.held.hold(this, chunk.length);
      file.write(chunk);
    }
    if (more) return;
    this.#received = true;
    file.end();
  }

  /** The client has left, or its connection was closed because the handler gave the upload up. */
  onRequestError(): void {
    this.#drop();
  }

  onResponseCredit(): void {}

  // ---- the file

  onOpened(): void {
    const messages = this.#messages;
    const begun = messages.sendRequest(messages.pair('x-mongrel2-upload-start', this.#name), NO_BODY, false);
    if (begun) this.#requester.onRequestCredit(WINDOW);
    else this.#drop();
  }

  onWritten(bytes: number): void {
    if (!this.#received && this.#file !== null) this.#requester.onRequestCredit(bytes);
  }

  onComplete(): void {
    const messages = this.#messages;
    const name = this.#name;
    const extra = messages.pair('x-mongrel2-upload-start', name) + messages.pair('x-mongrel2-upload-done', name);
    if (!messages.sendRequest(extra, NO_BODY, true)) this.#drop();
  }

  /** A handler knows that the file is complete: it is the handler's now. */
  onDelivered(): void {
    const file = this.#file;
    this.#file = null;
    file?.release();
  }

  onFailed(error: NodeJS.ErrnoException): void {
    this.#fail(new ExchangeError(CODES[error.code ?? ''] ?? 'HF_UPLOAD_STORE', systemErrorText(error)));
  }

  onGone(): void {
    this.#store.held.releaseAll(this);
    this.#store.gone();
  }

  // ---- the end

  onHeldTooMuch(): void {
    this.#fail(new ExchangeError('HF_UPLOAD_NO_ROOM', 'uploads that are not complete take too much of the disk'));
  }

  onFault(thrown: unknown): void {
    this.#drop();
    this.#messages.fault(thrown);
  }

  get #name(): string {
    return this.#store.nameOf((this.#file as SpoolFile).path);
  }

  #fail(error: ExchangeError): void {
    if (this.#file === null) return;
    this.#store.counters.uploadsFailed++;
    this.#drop();
    this.#messages.fail(error);
  }

  #drop(): void {
    const file = this.#file;
    this.#file = null;
    file?.drop();
  }
}
