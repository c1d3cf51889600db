import { Payload } from '../exchange/index.ts';
import { Step } from './step.ts';

/** Bytes up to which neighbouring items for the same streams are joined into one write per client. */
export const RUN_BYTES = 16_384;

/** Items up to which they are joined: a client without credits takes them one by one. */
export const RUN_ITEMS = 256;

/** Contents that were published one after the other for the streams of one channel. */
export class StreamRun extends Step {
  readonly #contents: Buffer[] = [];
  #bytes = 0;
  #joined: Payload | null = null;
  #singles: readonly Payload[] | null = null;

  /** @param content the first one, not empty */
  constructor(channel: string, content: Buffer) {
    super(channel, 'http-stream');
    this.#append(content);
  }

  /** Appends a content. Returns false if the run would exceed `RUN_BYTES` or `RUN_ITEMS`. */
  add(content: Buffer): boolean {
    if (this.#bytes + content.length > RUN_BYTES || this.#contents.length === RUN_ITEMS) return false;
    this.#append(content);
    return true;
  }

  /** All contents as one payload, shared by all clients. A single one is not copied. */
  get joined(): Payload {
    this.#joined ??=
      this.#contents.length === 1
        ? (this.singles[0] as Payload)
        : new Payload(Buffer.concat(this.#contents, this.#bytes), this.#contents.length);
    return this.#joined;
  }

  /** Each content as its own payload, shared by the clients that cannot take all of them at once. */
  get singles(): readonly Payload[] {
    this.#singles ??= this.#contents.map((content) => new Payload(content));
    return this.#singles;
  }

  #append(content: Buffer): void {
    this.#contents.push(content);
    this.#bytes += content.length;
    this.charge(content.length);
  }
}
