import { Payload } from '../exchange/index.ts';

/** Bytes up to which items of one turn are joined into one write per client. */
export const RUN_BYTES = 16_384;

/** Contents that were published one after the other, in one turn of the event loop, for the streams of one channel. */
export class StreamRun {
  readonly channel: string;
  readonly #contents: Buffer[];
  #bytes: number;
  #singles: readonly Payload[] | null = null;

  /** @param content the first one, not empty */
  constructor(channel: string, content: Buffer) {
    this.channel = channel;
    this.#contents = [content];
    this.#bytes = content.length;
  }

  /** Appends a content; false if it would grow the run beyond `RUN_BYTES`. */
  add(content: Buffer): boolean {
    if (this.#bytes + content.length > RUN_BYTES) return false;
    this.#contents.push(content);
    this.#bytes += content.length;
    return true;
  }

  /** All contents as one payload. A single one is not copied. */
  joined(): Payload {
    if (this.#contents.length === 1) return this.singles()[0] as Payload;
    return new Payload(Buffer.concat(this.#contents, this.#bytes), this.#contents.length);
  }

  /** Each content as a payload of its own, shared by the clients that cannot take all at once. */
  singles(): readonly Payload[] {
    this.#singles ??= this.#contents.map((content) => new Payload(content));
    return this.#singles;
  }
}
