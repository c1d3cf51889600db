import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { SeededRandom } from '../seeded-random.ts';
import type { ModelPublisher } from './model-publisher.ts';
import type { RestartedServer } from './restarted-server.ts';

/** What a client has seen, in its order. */
export type Seen =
  /** It has come as a new one, and had left, 0 for never: in milliseconds since 1970. */
  | { readonly kind: 'new'; readonly time: number; readonly left: number }
  /** It has come back. */
  | { readonly kind: 'back'; readonly time: number; readonly left: number; readonly cursor: string }
  /** It has been told where it is. */
  | { readonly kind: 'at'; readonly cursor: string }
  /** It has got an item; `cursor` is null where that of a later one stands for it. With `place` it goes on from there, which may be before the item: what is between them may come again. */
  | { readonly kind: 'item'; readonly item: number; readonly cursor: string | null; readonly place?: string | null }
  /** It was told that it has missed something. `published` is how many items each channel has had by then. */
  | {
      readonly kind: 'gap';
      readonly channels: readonly string[];
      readonly published: ReadonlyMap<string, number>;
      readonly losses: number;
      readonly time: number;
    };

/** That of an event without one: it is of a channel without a history. */
export const NO_CURSOR = 'none';

/** What clients of the model need. */
export interface ModelSurroundings {
  readonly server: Pick<RestartedServer, 'port' | 'up'> & Partial<Pick<RestartedServer, 'lossesUntilNow'>>;
  readonly publisher: Pick<ModelPublisher, 'channelOf' | 'counts' | 'last' | 'more' | 'over'>;
}

/** What a client of the model is like. */
export interface ClientKind {
  /** Whether it loses connections. Default: it does. */
  readonly unsteady?: boolean;
  /** What it subscribes to by pattern, as a value of Grip-Channel; null for its channels. */
  readonly pattern?: string | null;
}

/** A client that loses its connection at any byte, stays away for any number of items, and comes back with its last cursor. */
export abstract class ModelClient {
  readonly name: string;
  readonly channels: readonly string[];
  readonly seen: Seen[] = [];
  /** Resolves when it has been told where it is. */
  readonly begun: Promise<void>;
  protected cursor: string | null = null;
  protected readonly random: SeededRandom;
  protected readonly around: ModelSurroundings;
  #onBegun: () => void = () => {};
  readonly #unsteady: boolean;
  readonly #pattern: string | null;

  constructor(
    name: string,
    channels: readonly string[],
    around: ModelSurroundings,
    random: SeededRandom,
    { unsteady = true, pattern = null }: ClientKind = {},
  ) {
    this.#pattern = pattern;
    this.begun = new Promise((resolve) => {
      this.#onBegun = resolve;
    });
    this.name = name;
    this.channels = channels;
    this.random = random;
    this.around = around;
    this.#unsteady = unsteady;
  }

  /** Resolves when it has the last item of each of its channels. */
  async run(): Promise<void> {
    const { server, publisher } = this.around;
    let left = 0;
    while (!this.isDone) {
      await server.up();
      const cut =
        this.#unsteady && !publisher.over && this.random.below(4) > 0 ? this.random.below(this.mostBytes) : Infinity;
      const { cursor } = this;
      const time = Date.now();
      this.seen.push(cursor === null ? { kind: 'new', time, left } : { kind: 'back', time, left, cursor });
      await this.connect(cut);
      left = Date.now();
      if (this.#unsteady && !publisher.over && this.random.below(2) === 0) await publisher.more(this.random.below(40));
    }
  }

  /** Bytes of a body after which it may leave. */
  protected abstract readonly mostBytes: number;

  /** The target of its requests. */
  protected abstract readonly target: string;

  /** What it asks for: its channels, or a pattern that matches all of them. */
  protected get wanted(): string {
    return encodeURIComponent(this.#pattern ?? this.channels.join(','));
  }

  /** A response has begun. */
  protected abstract onHead(message: IncomingMessage): void;

  /** Takes the next bytes of a body. */
  protected abstract onText(text: string): void;

  /** The body is complete. */
  protected abstract onEnd(): void;

  protected gotItem(text: string, cursor: string | null): void {
    this.seen.push({ kind: 'item', item: numberIn(text), cursor });
    if (cursor !== null && cursor !== NO_CURSOR) this.cursor = cursor;
  }

  protected gotItemBefore(text: string, place: string | null): void {
    this.seen.push({ kind: 'item', item: numberIn(text), cursor: null, place });
    if (place !== null) this.cursor = place;
  }

  protected gotCursor(cursor: string): void {
    this.seen.push({ kind: 'at', cursor });
    this.cursor = cursor;
    this.#onBegun();
  }

  protected gotGap(channels: readonly string[]): void {
    const { publisher, server } = this.around;
    const [published, losses] = [new Map(publisher.counts), server.lossesUntilNow?.() ?? 0];
    this.seen.push({ kind: 'gap', channels, published, losses, time: Date.now() });
  }

  /** Whether it has the last items. */
  protected get isDone(): boolean {
    const { last } = this.around.publisher;
    if (last.size === 0) return false;
    return this.channels.every((channel) =>
      this.seen.some(
        (each) =>
          each.kind === 'item' &&
          each.item >= (last.get(channel) ?? 0) &&
          this.around.publisher.channelOf(each.item) === channel,
      ),
    );
  }

  /** One connection, cut after so many bytes of its body. */
  protected connect(cut: number): Promise<void> {
    const { server, publisher } = this.around;
    const inQuery = this.cursor !== null && this.random.below(3) === 0;
    const headers: Record<string, string> = this.cursor === null || inQuery ? {} : { 'Last-Event-ID': this.cursor };
    const path = inQuery ? `${this.target}&last_event_id=${this.cursor}` : this.target;
    return new Promise((resolve) => {
      const outgoing: ClientRequest = request({ host: '127.0.0.1', port: server.port, path, headers, agent: false });
      outgoing.on('error', () => {});
      outgoing.on('close', resolve);
      // Some leave before they have the head.
      if (cut < 10)
        outgoing.on('socket', (socket) => socket.on('connect', () => setImmediate(() => socket.resetAndDestroy())));
      outgoing.on('response', (message) => {
        this.onHead(message);
        let left = cut;
        message.on('error', () => {});
        message.on('end', () => this.onEnd());
        message.on('data', (chunk: Buffer) => {
          this.onText(chunk.subarray(0, left).toString('latin1'));
          left -= chunk.length;
          if (left <= 0) outgoing.destroy();
          else if (this.isDone) outgoing.destroy();
          else if (this.#unsteady && !publisher.over && this.random.below(30) === 0) {
            // It reads nothing for a while.
            message.pause();
            void publisher.more(this.random.below(60)).then(() => message.resume());
          }
        });
        outgoing.on('close', () => message.destroy());
      });
      outgoing.end();
    });
  }
}

function numberIn(text: string): number {
  return Number(/^\d+/.exec(text)?.[0] ?? Number.NaN);
}

/** A client of an event stream. */
export class ModelStream extends ModelClient {
  protected readonly mostBytes = 20_000;
  #text = '';

  protected get target(): string {
    return `/?c=${this.wanted}`;
  }

  protected onHead(): void {
    this.#text = '';
  }

  protected onText(text: string): void {
    const blocks = (this.#text + text).split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) this.#onBlock(block);
  }

  protected onEnd(): void {}

  #onBlock(block: string): void {
    const cursor = /^id: (.*)$/m.exec(block)?.[1] ?? null;
    const data = /^data: (.*)$/m.exec(block)?.[1] ?? null;
    if (/^event: gap$/m.test(block)) this.gotGap((JSON.parse(data ?? '') as { channels: string[] }).channels);
    else if (data === null) {
      if (cursor !== null) this.gotCursor(cursor);
    } else if (!data.startsWith('part')) this.gotItem(data, cursor ?? NO_CURSOR);
  }
}

/** A client that polls. */
export class ModelPoll extends ModelClient {
  protected readonly mostBytes = 1_000;
  #body = '';
  #message: IncomingMessage | null = null;

  protected get target(): string {
    return `/?h=response&c=${this.wanted}`;
  }

  protected onHead(message: IncomingMessage): void {
    this.#body = '';
    this.#message = message;
  }

  protected onText(text: string): void {
    this.#body += text;
  }

  protected onEnd(): void {
    const { complete, headers, statusCode } = this.#message as IncomingMessage;
    if (!complete || statusCode !== 200 || this.#body.length < Number(headers['content-length'] ?? 0)) return;
    const gap = headers['event-gap'];
    if (gap !== undefined) this.gotGap(JSON.parse(String(gap)) as string[]);
    if (this.#body !== 'nothing new') {
      for (const line of this.#body.trimEnd().split('\n')) this.gotItem(line, null);
    }
    const cursor = headers['last-event-id'];
    if (cursor !== undefined) this.gotCursor(String(cursor));
  }
}
