import { guarded } from '../clock/index.ts';
import type { PublishError, PublishItem } from '../codec/grip/index.ts';
import type { Scope } from '../control/index.ts';
import type { ChannelWatcher, KeyTable, OtherNodes, Publication, Reach, ReceivedFormats } from '../hub/index.ts';

/** What publishers ask and command beside what they publish. */
export interface HubCommands {
  recover(): void;
  /** @param done is told, too, which nodes of a cluster have not answered */
  countReceivers(
    items: readonly ReceivedFormats[],
    done: (counts: readonly number[], missing?: readonly string[]) => void,
  ): void;
  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void;
  refresh(id: string, done: (found: boolean) => void): void;
}

/** Takes what is published, and answers what publishers ask: a hub, or what stands for one. */
export interface PublishingHub extends HubCommands {
  requestTurn(publication: Publication): void;
  cancelTurn(publication: Publication): void;
  publish(items: readonly PublishItem[]): void;
  reusedKey(items: readonly PublishItem[]): PublishItem | null;
  /** The idempotency keys that are known here; null where another process knows them. */
  readonly keys: KeyTable | null;
  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void;
  ordered(done: (known: boolean) => void): void;
  watchChannels(watcher: ChannelWatcher): void;
}

/** Tells a watcher of the channels of several hubs: of each when the first one has it, and when the last one has it no longer. */
class UnionWatcher {
  readonly #watcher: ChannelWatcher;
  /** By hub, the channels that it has. */
  readonly #names = new Map<PublishingHub, Set<string>>();
  /** Hubs that have a channel. */
  readonly #counts = new Map<string, number>();
  /** Channels that no hub has any longer, of which that is not told; null where it is told at once. */
  #kept: Set<string> | null = null;

  constructor(watcher: ChannelWatcher) {
    this.#watcher = watcher;
  }

  watch(hub: PublishingHub): void {
    if (this.#names.has(hub)) return;
    const names = new Set<string>();
    this.#names.set(hub, names);
    hub.watchChannels({
      channelAdded: (name) => {
        if (this.#names.get(hub) !== names || names.has(name)) return;
        names.add(name);
        this.#add(name);
      },
      channelRemoved: (name) => {
        if (names.delete(name)) this.#remove(name);
      },
    });
  }

  forget(hub: PublishingHub): void {
    const names = this.#names.get(hub) ?? [];
    this.#names.delete(hub);
    for (const name of [...names]) this.#remove(name);
    if (names instanceof Set) names.clear();
  }

  /** Whether nothing is told of channels that no hub has any longer. They are told of when that ends. */
  set keeps(keeps: boolean) {
    this.#kept = keeps ? (this.#kept ?? new Set()) : this.#release();
  }

  #release(): null {
    for (const name of this.#kept ?? []) this.#watcher.channelRemoved(name);
    return null;
  }

  #add(name: string): void {
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    if (count === 0 && this.#kept?.delete(name) !== true) this.#watcher.channelAdded(name);
  }

  #remove(name: string): void {
    const count = this.#counts.get(name) ?? 0;
    if (count > 1) {
      this.#counts.set(name, count - 1);
      return;
    }
    this.#counts.delete(name);
    if (this.#kept === null) this.#watcher.channelRemoved(name);
    else this.#kept.add(name);
  }
}

/** The idempotency keys of all nodes of a cluster. */
export interface KeyLedger {
  /** Finds out about keys, and teaches the table. Returns whether nothing has to be waited for; else calls `done` later. @param keys with the digests of their items */
  learn(keys: ReadonlyMap<string, string>, table: KeyTable, done: () => void): boolean;
  /** Reports to other nodes what the table says of keys that were learned; nothing where it is not known whether their items are published. */
  settle(keys: ReadonlyMap<string, string>, table: KeyTable, known: boolean): void;
}

/** The part of a cluster that publishers use. */
export interface PublishingCluster {
  readonly others: Pick<OtherNodes, 'reach' | 'refusal'>;
  readonly keys: KeyLedger;
}

/** What publishers publish to. In an upgrade another takes its place while they go on. */
export class Publishing implements PublishingHub {
  /** Those that wait until their keys are known. */
  readonly #learning = new Set<Publication>();
  #current: PublishingHub;
  /** All that it has been: publishers may still wait there. */
  readonly #all: Set<PublishingHub>;
  readonly #watchers: UnionWatcher[] = [];
  /** Asks and commands all nodes of a cluster; null for one node by itself. */
  nodes: HubCommands | null = null;
  /** Null for one node by itself. */
  #cluster: PublishingCluster | null = null;

  constructor(first: PublishingHub) {
    this.#current = first;
    this.#all = new Set([first]);
  }

  get current(): PublishingHub {
    return this.#current;
  }

  /** Takes the place of the one before. Publishers that wait there get their turn there, and what they publish goes to this one. */
  set current(hub: PublishingHub) {
    this.#current = hub;
    this.#all.add(hub);
    for (const watcher of this.#watchers) watcher.watch(hub);
  }

  /**
   * Whether publishers are asked for all channels that there were, also for those of clients that have just moved: what is published for
   * them goes to the process that has them now.
   */
  set keepsChannels(keeps: boolean) {
    for (const watcher of this.#watchers) watcher.keeps = keeps;
  }

  /** Nobody waits there any more. */
  forget(hub: PublishingHub): void {
    this.#all.delete(hub);
    for (const watcher of this.#watchers) watcher.forget(hub);
  }

  /** This process is a node of a cluster from now on. */
  join(cluster: PublishingCluster): void {
    this.#cluster = cluster;
  }

  /** Whom what is published now reaches. */
  get reach(): Reach {
    return this.#cluster?.others.reach ?? 'all';
  }

  requestTurn(publication: Publication): void {
    this.current.requestTurn(publication);
  }

  cancelTurn(publication: Publication): void {
    this.#learning.delete(publication);
    for (const hub of this.#all) hub.cancelTurn(publication);
  }

  get keys(): KeyTable | null {
    return this.current.keys;
  }

  /** As `MessagePublisher.learnKeys`. */
  learnKeys(keys: ReadonlyMap<string, string>, publication: Publication): boolean {
    const table = this.keys;
    if (this.#cluster === null || table === null) return true;
    const learned = (): void => {
      // It may have left meanwhile.
      if (this.#learning.delete(publication)) this.requestTurn(publication);
      else this.settleKeys(keys);
    };
    if (this.#cluster.keys.learn(keys, table, guarded(publication, learned))) return true;
    this.#learning.add(publication);
    return false;
  }

  /** As `MessagePublisher.settleKeys`. */
  settleKeys(keys: ReadonlyMap<string, string>, known = true): void {
    const table = this.keys;
    if (table !== null) this.#cluster?.keys.settle(keys, table, known);
  }

  publish(items: readonly PublishItem[]): void {
    this.current.publish(items);
  }

  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return this.current.reusedKey(items);
  }

  /** As `MessagePublisher.refusal`. */
  refusal(items: readonly PublishItem[]): PublishError | null {
    if (this.#cluster === null) return null;
    for (const item of items) {
      const refusal = this.#cluster.others.refusal(item);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void {
    this.current.tellCursors(items, done);
  }

  ordered(done: (known: boolean) => void): void {
    this.current.ordered(done);
  }

  /** As `Publisher.recover`. */
  recover(scope: Scope = 'cluster'): void {
    (scope === 'node' ? this.current : (this.nodes ?? this.current)).recover();
  }

  /** Tells of the channels of all that it is or has been: clients that stay in another process in an upgrade have channels too. */
  watchChannels(watcher: ChannelWatcher): void {
    const union = new UnionWatcher(watcher);
    this.#watchers.push(union);
    for (const hub of this.#all) union.watch(hub);
  }

  countReceivers(
    items: readonly ReceivedFormats[],
    done: (counts: readonly number[], missing?: readonly string[]) => void,
  ): void {
    (this.nodes ?? this.current).countReceivers(items, done);
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    (this.nodes ?? this.current).findHeld(ids, done);
  }

  refresh(id: string, done: (found: boolean) => void): void {
    (this.nodes ?? this.current).refresh(id, done);
  }
}
