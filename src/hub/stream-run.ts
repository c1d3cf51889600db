import type { PublishItem } from '../codec/grip/index.ts';
import { Payload } from '../exchange/index.ts';
import { idsAndMetaCost } from './item-cost.ts';
import { markAll, markEvents } from './mark-events.ts';
import { blocksOf, Step } from './step.ts';

/** Bytes up to which neighbouring items for the same streams are joined into one write per client. */
export const RUN_BYTES = 16_384;

/** Items up to which they are joined: a client without credits takes them one by one. */
export const RUN_ITEMS = 256;

const EMPTY = Buffer.alloc(0);

/** One item of a run, as a stream whose items differ from those of others looks at it. */
export interface StreamItem {
  readonly channel: string;
  readonly payload: Payload;
  readonly id: string | null;
  readonly prevId: string | null;
  readonly noSeq: boolean;
  readonly meta: Readonly<Record<string, string>>;
  readonly contentFilters: readonly string[] | null;
  /** Its number; 0 where its channel is not kept. */
  readonly number: number;
}

/** Items that were published one after the other for the streams of one channel. */
export class StreamRun extends Step {
  readonly #published: PublishItem[] = [];
  #bytes = 0;
  #joined: Payload | null = null;
  #items: readonly StreamItem[] | null = null;
  #marked: Payload | null = null;

  /** @param content of the item */
  constructor(item: PublishItem, content: Buffer) {
    super(item.channel, 'http-stream');
    this.expires = item.extras?.expires ?? 0;
    this.#append(item, content);
  }

  /** Appends an item. Returns false if the run would exceed `RUN_BYTES` or `RUN_ITEMS`, one of the two may expire, or only one of them is kept: a client that reads the log gets the other one at once. */
  add(item: PublishItem, content: Buffer): boolean {
    if (this.expires !== 0 || (item.extras?.expires ?? 0) !== 0) return false;
    if ((item.number ?? 0) > 0 !== this.last > 0) return false;
    if (this.#bytes + content.length > RUN_BYTES || this.#published.length === RUN_ITEMS) return false;
    this.#append(item, content);
    return true;
  }

  /** The contents of all items for streams without filters as one payload, shared by all clients. A single one is not copied. */
  get joined(): Payload {
    this.#joined ??= this.#join();
    return this.#joined;
  }

  /** The same for event streams whose clients have cursors. @param epoch of the numbers */
  markedBy(epoch: string): Payload {
    this.#marked ??= this.#join(epoch);
    return this.#marked;
  }

  /** The number of the first item, and that of the last; 0 where they are not kept. */
  get first(): number {
    return this.#published[0]?.number ?? 0;
  }

  get last(): number {
    return this.#published.at(-1)?.number ?? 0;
  }

  override get count(): number {
    return this.#published.length;
  }

  override weightOf(at: number, blockSize: number): number {
    if (blockSize === 0) return 1;
    const { size, httpStream } = this.#published[at] as PublishItem;
    return blocksOf(size ?? httpStream?.content.length ?? 0, blockSize);
  }

  override part(from: number, to: number): StreamRun {
    if (from === 0 && to === this.count) return this;
    const published = this.#published.slice(from, to);
    const first = published[0] as PublishItem;
    const part = new StreamRun(first, first.httpStream?.content ?? EMPTY);
    for (let i = 1; i < published.length; i++) {
      const item = published[i] as PublishItem;
      part.#append(item, item.httpStream?.content ?? EMPTY);
    }
    // Their payloads are shared with the clients that get the whole run.
    part.#items = this.items.slice(from, to);
    return part;
  }

  /** Each item, with its own payload, which the clients that get it share. */
  get items(): readonly StreamItem[] {
    this.#items ??= this.#published.map(({ channel, httpStream, id, prevId, noSeq, meta, number = 0, extras }) => ({
      channel,
      payload: new Payload(httpStream?.content ?? EMPTY, 1, extras?.expires),
      id,
      prevId,
      noSeq,
      meta,
      contentFilters: httpStream?.contentFilters ?? null,
      number,
    }));
    return this.#items;
  }

  #join(epoch: string | null = null): Payload {
    const plain = this.items.filter(isPlain);
    const [first] = plain;
    if (first !== undefined && plain.length === 1) return epoch === null ? first.payload : markedItem(first, epoch);
    const contents = epoch === null ? Buffer.concat(plain.map(({ payload }) => payload.body)) : markAll(plain, epoch);
    return new Payload(contents, plain.length);
  }

  #append(item: PublishItem, content: Buffer): void {
    this.#published.push(item);
    this.#bytes += content.length;
    this.charge(content.length + idsAndMetaCost(item));
  }
}

/** Whether streams without filters get the item. */
export function isPlain({ contentFilters }: StreamItem): boolean {
  return contentFilters === null || contentFilters.length === 0;
}

/** An item with its number written into its events. @param payload what the client gets of it */
export function markedItem({ number, payload: whole }: StreamItem, epoch: string, payload: Payload = whole): Payload {
  const body = markEvents(payload.body, epoch, number);
  return body === payload.body ? payload : new Payload(body, payload.items, payload.expires);
}

/** An item with the content that filters left of it; null for nothing. */
export function payloadOf({ payload }: StreamItem, content: Buffer | null): Payload | null {
  if (content === null) return null;
  return content === payload.body ? payload : new Payload(content, 1, payload.expires);
}

/** Items as runs, without those that have nothing for streams. */
export function streamRuns(items: readonly PublishItem[]): StreamRun[] {
  const runs: StreamRun[] = [];
  for (const item of items) {
    const { channel, httpStream } = item;
    if (httpStream?.action !== 'send') continue;
    const last = runs.at(-1);
    if (last?.channel === channel && last.add(item, httpStream.content)) continue;
    runs.push(new StreamRun(item, httpStream.content));
  }
  return runs;
}
