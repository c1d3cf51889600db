import type { Config } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import {
  type ChannelLimits,
  DiskStore,
  type HistoryCounters,
  type HistoryStore,
  MemoryStore,
} from '../history/index.ts';
import { type ChannelHistory, ChannelRules } from '../hub/index.ts';

/** What keeps items is made of. */
export interface HistoryRoleOptions {
  readonly log: Log;
  readonly counters: HistoryCounters;
  /** Where items are brought into order. */
  readonly target: ChannelHistory;
}

/** Keeps the items of channels, by the rules of the configuration. */
export class HistoryRole {
  readonly #options: HistoryRoleOptions;
  #store: HistoryStore | null = null;

  constructor(options: HistoryRoleOptions) {
    this.#options = options;
  }

  /** Null where nothing is kept. */
  get store(): HistoryStore | null {
    return this.#store;
  }

  /**
   * Begins to keep what the configuration says.
   * @throws StoreError when the folder cannot be used
   */
  async start(config: Config): Promise<void> {
    const { history, channels } = config;
    if (history.store === 'disk') {
      const store = await DiskStore.open({ ...this.#shared(config), path: history.path });
      this.#options.target.rules = channelRules(channels);
      this.#keepIn(store);
    } else {
      this.use(config);
    }
  }

  /** Goes on with other rules. A store in memory is made when there is something to keep. */
  use(config: Config): void {
    const rules = channelRules(config.channels);
    this.#options.target.rules = rules;
    if (this.#store === null && rules.keepSome) this.#keepIn(new MemoryStore(this.#shared(config)));
  }

  /** Nothing is published any more. Resolves when all is stored. */
  async stop(): Promise<void> {
    await this.#store?.stop();
  }

  #keepIn(store: HistoryStore): void {
    this.#store = store;
    this.#options.target.keepIn(store);
  }

  #shared({ history }: Config) {
    const { log, counters } = this.#options;
    return { log, counters, maxBytes: history.maxBytes };
  }
}

/** The rules of a configuration for channels. */
export function channelRules(tables: Config['channels']): ChannelRules {
  return new ChannelRules(
    tables.map((table) => ({ match: table.match, keep: limitsOf(table), retain: table.retain, onGap: table.onGap })),
  );
}

function limitsOf({ historyItems: items, historyAge, historyBytes }: Config['channels'][number]): ChannelLimits | null {
  return items === 0 ? null : { items, age: historyAge || Infinity, bytes: historyBytes || Infinity };
}
