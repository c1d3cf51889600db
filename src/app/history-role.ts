import type { Config } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import {
  type AppendableStore,
  type ChannelLimits,
  DiskStore,
  type HistoryCounters,
  type HistoryStore,
  MemoryStore,
  type SharedStore,
} from '../history/index.ts';
import { type ChannelHistory, ChannelRules, type ItemRouter, type OtherNodes } from '../hub/index.ts';
import type { StorePart } from '../hub-relay/index.ts';
import { hookRules } from './hook-rules.ts';

/** What keeps items is made of. */
export interface HistoryRoleOptions {
  readonly log: Log;
  readonly counters: HistoryCounters;
  /** Where items are brought into order. */
  readonly target: ChannelHistory;
  /** The other nodes of a cluster, and where all nodes keep items; null for one node by itself. */
  readonly cluster: { readonly others: OtherNodes; readonly store: SharedStore } | null;
}

/** Keeps the items of channels, by the rules of the configuration. In an upgrade what is kept goes over to the new process. */
export class HistoryRole {
  readonly #options: HistoryRoleOptions;
  #config: Config;
  #store: AppendableStore | null = null;
  /** Whether another process has what was kept here, in the same files. */
  #given = false;
  /** What has come of the process before this one. */
  #came: StorePart['store'] | null = null;
  #coming: MemoryStore | null = null;

  constructor(config: Config, options: HistoryRoleOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** What clients are answered from. */
  get target(): ChannelHistory {
    return this.#options.target;
  }

  /** Where items are kept; null where nothing is, or as long as another process has it. */
  get store(): AppendableStore | null {
    return this.#store;
  }

  /** Whether another process has what was kept here. */
  get given(): boolean {
    return this.#given;
  }

  /** Why items are kept less well than they should be; null as long as all is well. */
  get degraded(): string | null {
    return this.#store?.degraded ?? null;
  }

  /**
   * Begins to keep what the configuration says.
   * @param comes whether the process before this one gives what it has kept
   * @throws StoreError when the folder cannot be used
   */
  async start(comes: boolean): Promise<void> {
    this.target.rules = channelRules(this.#config);
    if (!comes) await this.#open();
  }

  /** Goes on with other rules. A store in memory is made when there is something to keep. */
  use(config: Config): void {
    this.#config = config;
    this.target.rules = channelRules(config);
    if (this.#store === null && !this.#given && config.history.store === 'memory') this.#openMemory();
  }

  /** Nothing is published any more. Resolves when all is stored. */
  async stop(): Promise<void> {
    if (!this.#given) await this.#store?.stop();
  }

  // ---- an upgrade

  /** Items are kept where another brings them into order. */
  keepFor({ history }: ItemRouter): void {
    history.rules = this.target.rules;
    // A node of a cluster is not upgraded: its store is that of all nodes.
    if (this.#store !== null && this.#options.cluster === null) history.keepIn(this.#store as HistoryStore);
  }

  /** Gives what is kept to the new process. Nothing may be published meanwhile, and all has to be stored. */
  async give(send: (part: StorePart) => Promise<void>): Promise<void> {
    const store = this.#store;
    this.#given = true;
    if (store instanceof DiskStore) {
      // It answers until the new process does.
      await store.stop();
      await send({ store: 'disk', path: this.#config.history.path });
    } else if (store instanceof MemoryStore) {
      await send({ store: 'memory', summary: store.summary });
      for (const part of store.parts) await send({ store: 'channels', part });
    } else {
      await send({ store: 'none' });
    }
  }

  /** The new process has failed: goes on with what was given. */
  async takeBack(): Promise<void> {
    if (!this.#given) return;
    this.#given = false;
    if (this.#store instanceof DiskStore) await this.#open();
  }

  /** Takes what the process before this one gives. */
  take(part: StorePart): void {
    if (part.store === 'channels') {
      this.#coming?.take(part.part);
      return;
    }
    this.#came = part.store;
    if (part.store !== 'memory' || this.#config.history.store !== 'memory') return;
    this.#coming = new MemoryStore(this.#shared, part.summary);
  }

  /**
   * Keeps items from now on.
   * @param whole whether all that the process before this one has kept has come. A part is worth nothing: clients would miss what is not there
   */
  async arrive(whole: boolean): Promise<void> {
    if (this.#store !== null) return;
    if (whole && this.#coming !== null) this.#keepIn(this.#coming);
    else await this.#open();
    this.#coming = null;
    this.#options.log.info({ kept: this.#came, whole }, 'history taken over');
  }

  async #open(): Promise<void> {
    const { history } = this.#config;
    const { cluster } = this.#options;
    if (cluster !== null) {
      this.#store = cluster.store;
      this.target.shareWith(cluster.others, cluster.store);
    } else if (history.store === 'memory') this.#openMemory();
    else this.#keepIn(await DiskStore.open({ ...this.#shared, path: history.path }));
  }

  #openMemory(): void {
    if (this.target.rules.keepSome) this.#keepIn(new MemoryStore(this.#shared));
  }

  #keepIn(store: HistoryStore): void {
    this.#store = store;
    this.target.keepIn(store);
  }

  get #shared() {
    const { log, counters } = this.#options;
    return { log, counters, maxBytes: this.#config.history.maxBytes };
  }
}

/** The rules of a configuration for channels. */
export function channelRules({ channels: tables, webhooks }: Pick<Config, 'channels' | 'webhooks'>): ChannelRules {
  return new ChannelRules(
    tables.map((table) => {
      const { match, retain, onGap, presence } = table;
      return { match, keep: limitsOf(table), retain, onGap, presence };
    }),
    hookRules(webhooks),
  );
}

function limitsOf({ historyItems: items, historyAge, historyBytes }: Config['channels'][number]): ChannelLimits | null {
  return items === 0 ? null : { items, age: historyAge || Infinity, bytes: historyBytes || Infinity };
}
