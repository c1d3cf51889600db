import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { attempt, fault, type Guarded } from '../clock/index.ts';
import { BodyCollector, WINDOW } from '../exchange/index.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

/** The end of a template, and what takes its place. */
const MARK = 'XXXXXX';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** Names that are tried. There are 57 thousand million of them. */
const MAX_ATTEMPTS = 10;

/** Permissions until those that are wanted are set: nobody else opens the file before. */
const PRIVATE = 0o600;

type SystemError = NodeJS.ErrnoException | null;

/** Where and how files are made. */
export interface SpoolFileOptions {
  /** A path that ends in `XXXXXX`. */
  readonly template: string;
  /** Permissions, whatever the umask. */
  readonly mode: number;
}

/** What a file is written for. */
export interface SpoolFileOwner extends Guarded {
  /** The file is there, and empty. */
  onOpened(): void;
  /** So many more bytes are in it. */
  onWritten(bytes: number): void;
  /** All is in it, and it is closed: it can be released. */
  onComplete(): void;
  /** The system has refused something. The file is removed. */
  onFailed(error: NodeJS.ErrnoException): void;
  /** The file is released, or removed. The last call. */
  onGone(): void;
}

/**
 * A file with the body of a large upload, which is written as its bytes come. The system is asked for one thing at a time, and is never waited
 * for: bytes that come meanwhile are collected, and written together. The giver bounds them by what it grants, at most a window.
 */
export class SpoolFile implements Guarded {
  /** Empty until it is being made. */
  path = '';
  readonly #options: SpoolFileOptions;
  readonly #owner: SpoolFileOwner;
  #fd = -1;
  #attempts = 0;
  /** The system has been asked for something. */
  #busy = false;
  /** What is being written. */
  #writing: Buffer | null = null;
  /** Bytes of it that are in the file. */
  #written = 0;
  /** What is written next. */
  #next: BodyCollector | null = null;
  #ending = false;
  #released = false;
  /** It is not wanted any more. */
  #dropped = false;

  constructor(options: SpoolFileOptions, owner: SpoolFileOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Makes the file. */
  open(): void {
    this.#attempts++;
    this.#busy = true;
    this.path = newPath(this.#options.template);
    fs.open(this.path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, PRIVATE, this.#onOpened);
  }

  /** Adds bytes. Only once it is open. */
  write(chunk: Buffer): void {
    if (this.#dropped || chunk.length === 0) return;
    if (this.#writing === null) {
      this.#startWrite(chunk);
      return;
    }
    this.#next ??= new BodyCollector(WINDOW);
    if (!this.#next.add(chunk)) throw new Error('more bytes came than were granted');
  }

  /** All bytes have been given. */
  end(): void {
    this.#ending = true;
    this.#finishIfWritten();
  }

  /** Removes the file: nobody is going to take it. */
  drop(): void {
    if (this.#dropped || this.#released) return;
    this.#dropped = true;
    if (!this.#busy) this.#remove();
  }

  /** Leaves a complete file to others. */
  release(): void {
    this.#released = true;
    this.#owner.onGone();
  }

  /** A call for it has thrown. */
  onFault(thrown: unknown): void {
    this.drop();
    fault(this.#owner, thrown);
  }

  // ---- what the system has done

  readonly #onOpened = (error: SystemError, fd: number): void =>
    attempt<SpoolFile, [SystemError, number]>(this, (file, ...result) => file.#opened(...result), error, fd);

  readonly #onPermitted = (error: SystemError): void =>
    attempt<SpoolFile, [SystemError]>(this, (file, ...result) => file.#permitted(...result), error);

  readonly #onWritten = (error: SystemError, count: number): void =>
    attempt<SpoolFile, [SystemError, number]>(this, (file, ...result) => file.#wrote(...result), error, count);

  readonly #onClosed = (error?: SystemError): void =>
    attempt<SpoolFile, [SystemError]>(this, (file, ...result) => file.#closed(...result), error ?? null);

  #opened(error: SystemError, fd: number): void {
    this.#busy = false;
    if (error?.code === 'EEXIST' && this.#attempts < MAX_ATTEMPTS && !this.#dropped) {
      this.open();
    } else if (error !== null) {
      const wanted = !this.#dropped;
      this.#dropped = true;
      try {
        if (wanted) this.#owner.onFailed(error);
      } finally {
        this.#owner.onGone();
      }
    } else {
      this.#fd = fd;
      if (this.#dropped) {
        this.#remove();
        return;
      }
      this.#busy = true;
      fs.fchmod(fd, this.#options.mode, this.#onPermitted);
    }
  }

  #permitted(error: SystemError): void {
    if (this.#goesOn(error)) this.#owner.onOpened();
  }

  #wrote(error: SystemError, count: number): void {
    if (!this.#goesOn(error)) return;
    const chunk = this.#writing as Buffer;
    this.#written += count;
    if (this.#written < chunk.length) {
      this.#continueWrite();
      return;
    }
    this.#writing = null;
    const next = this.#next;
    this.#next = null;
    // First: the owner may give more.
    if (next !== null) this.#startWrite(next.body);
    this.#owner.onWritten(chunk.length);
    this.#finishIfWritten();
  }

  #closed(error: SystemError): void {
    this.#fd = -1;
    if (!this.#goesOn(error)) return;
    this.#owner.onComplete();
  }

  /** Whether the file is still wanted, and the system has done what it was asked for. If not, it is removed. */
  #goesOn(error: SystemError): boolean {
    this.#busy = false;
    if (error === null && !this.#dropped) return true;
    const wanted = !this.#dropped;
    this.#dropped = true;
    this.#remove();
    if (wanted && error !== null) this.#owner.onFailed(error);
    return false;
  }

  #startWrite(chunk: Buffer): void {
    this.#writing = chunk;
    this.#written = 0;
    this.#continueWrite();
  }

  #continueWrite(): void {
    this.#busy = true;
    const chunk = this.#writing as Buffer;
    fs.write(this.#fd, chunk, this.#written, chunk.length - this.#written, null, this.#onWritten);
  }

  #finishIfWritten(): void {
    if (!this.#ending || this.#busy || this.#dropped) return;
    this.#busy = true;
    fs.close(this.#fd, this.#onClosed);
  }

  #remove(): void {
    this.#writing = null;
    this.#next = null;
    const fd = this.#fd;
    const gone = (): void => attempt(this.#owner, ownerGone);
    fs.unlink(this.path, () => {
      if (fd === -1) gone();
      else fs.close(fd, gone);
    });
  }
}

function ownerGone(owner: SpoolFileOwner): void {
  owner.onGone();
}

function newPath(template: string): string {
  let name = '';
  for (let i = 0; i < MARK.length; i++) name += LETTERS[randomInt(LETTERS.length)];
  return template.slice(0, -MARK.length) + name;
}

/** The name that `template` gives to the file whose path another template has given. */
export function nameAfter(template: string, path: string): string {
  return template.slice(0, -MARK.length) + path.slice(-MARK.length);
}
