import type { OnReadOpts, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import {
  DialError,
  type DialErrorKind,
  type Dialler,
  type Dialling,
  type DialSink,
  type DialTarget,
} from '../../../src/net/index.ts';

/** A dialler whose one dial, and the connection that comes of it, go as the test likes. */
export class HandDialler implements Dialler {
  target: DialTarget | null = null;
  cancelled = false;
  /** What was written to the connection. */
  readonly written: Buffer[] = [];
  /** In place of a socket: takes all that is written. */
  readonly socket: Duplex & { remoteAddress?: string } = Object.assign(
    new Duplex({
      read: () => {},
      write: (chunk, _encoding, done) => {
        this.written.push(chunk);
        done();
      },
      writev: (chunks, done) => {
        this.written.push(...chunks.map(({ chunk }) => chunk));
        done();
      },
    }),
    { remoteAddress: '127.0.0.1' },
  );
  #sink: DialSink | null = null;
  #onRead: OnReadOpts | null = null;

  dial(target: DialTarget, sink: DialSink, onRead: OnReadOpts): Dialling {
    this.target = target;
    this.#sink = sink;
    this.#onRead = onRead;
    return {
      cancel: () => {
        this.cancelled = true;
      },
    };
  }

  /** Bytes of the buffer that the next read goes into. */
  get nextRead(): number {
    const { buffer } = this.#onRead as OnReadOpts;
    return (typeof buffer === 'function' ? buffer() : buffer).length;
  }

  fail(kind: DialErrorKind): void {
    this.#sink?.onDialFailed(new DialError(kind, 'words for people'));
  }

  connect(): void {
    this.#sink?.onConnected(this.socket as unknown as Socket);
  }

  /** Lets latin1 text or bytes arrive. */
  read(data: string | Buffer): void {
    const bytes = Buffer.from(data as string, 'latin1');
    this.#onRead?.callback(bytes.length, bytes);
    // The buffer is read into again.
    bytes.fill(0);
  }
}
