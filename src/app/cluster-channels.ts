import type { NodeCalls } from '../cluster/index.ts';
import { channelQuestionSchema, nodeChannelsSchema, type Scope } from '../control/index.ts';
import { type ChannelInfo, type ChannelPage, type ChannelQuery, type Hub, keyOfInfo } from '../hub/index.ts';
import type { HubRelay } from '../hub-relay/index.ts';
import { fittingPart, joinedParts } from './joined-pages.ts';

/** The questions of nodes about channels. */
const ABOUT = 'channels';

/** What is asked of the hub of this process, or of the relay to those of the workers. */
export type Channels = Pick<Hub, 'channelPage'> & Pick<HubRelay, 'channelInfos'>;

/** The channels of this node, and those of the other nodes of its cluster. */
export class ClusterChannels {
  readonly #own: Channels;
  readonly #calls: NodeCalls | null;

  /** @param calls to other nodes; null without a cluster */
  constructor(own: Channels, calls: NodeCalls | null) {
    this.#own = own;
    this.#calls = calls;
    calls?.handle(ABOUT, (input) => this.#answer(calls, input));
  }

  /** As `Hub.channelPage`. The `others` are not those of one node. The total is exact where all are in the answer, else the sum of the nodes. */
  async page(query: ChannelQuery, scope: Scope): Promise<ChannelPage & { readonly missing: readonly string[] }> {
    const { prefix, after, limit } = query;
    const own = this.#own.channelPage(query);
    const { values, missing } = await this.#askOthers({ prefix, after, limit }, scope);
    const pages = [await own, ...values];
    const parts = pages.map(({ channels, next }) => ({ entries: channels, next }));
    const { entries, next } = joinedParts(parts, limit, keyOfInfo, sumOf);
    const sum = pages.reduce((all, { total }) => all + total, 0);
    return { channels: entries, total: after === '' && next === null ? entries.length : sum, next, missing };
  }

  /** What is known of one channel or pattern; null if nobody is held on it. */
  async info(
    key: string,
    scope: Scope,
  ): Promise<{ readonly info: ChannelInfo | null; readonly missing: readonly string[] }> {
    const own = this.#own.channelInfos([key]);
    const { values, missing } = await this.#askOthers({ keys: [key] }, scope);
    const infos = [await own, ...values.map(({ channels }) => channels)].flat();
    return { info: infos.length === 0 ? null : infos.reduce(sumOf), missing };
  }

  async #askOthers(question: object, scope: Scope) {
    if (this.#calls === null || scope === 'node') return { values: [], missing: [] };
    return this.#calls.ask(ABOUT, question, (value) => nodeChannelsSchema.safeParse(value).data ?? null);
  }

  /** Answers a question of another node. */
  async #answer({ maxBytes }: NodeCalls, input: unknown): Promise<unknown> {
    const { data: question } = channelQuestionSchema.safeParse(input);
    if (question === undefined) return undefined;
    if ('keys' in question) {
      const channels = await this.#own.channelInfos(question.keys);
      return { channels, total: channels.length, next: null };
    }
    const { channels, total, next } = await this.#own.channelPage(question);
    const part = fittingPart({ entries: channels, next }, keyOfInfo, maxBytes);
    return { channels: part.entries, total, next: part.next };
  }
}

/** What two nodes know of the same channel. */
function sumOf(one: ChannelInfo, other: ChannelInfo): ChannelInfo {
  return { ...one, subscribers: one.subscribers + other.subscribers, lastId: one.lastId ?? other.lastId };
}
