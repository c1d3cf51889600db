import type { PublishItem } from '../codec/grip/index.ts';
import type { ChannelInfo, ChannelWatcher, Counts, Publication, ReceivedFormats } from '../hub/index.ts';
import type { LinkedHub } from './hub-link.ts';
import type { HubRelay } from './hub-relay.ts';

/** The hubs of all workers of a relay as one, which another process may have as a worker of its own. */
export class RelayedHub implements LinkedHub {
  readonly #relay: HubRelay;
  readonly #checks: boolean;

  /** @param checks whether the other process does not know which ids were seen here: then repeated items are dropped here */
  constructor(relay: HubRelay, checks = false) {
    this.#relay = relay;
    this.#checks = checks;
  }

  /** The other process has ordered the items. */
  deliver(items: readonly PublishItem[]): void {
    if (this.#checks) this.#relay.publish(items);
    else this.#relay.router.deliver(items);
  }

  /** All that came before has been given to the workers, and nothing that comes after: whoever is called may mark the place for some of them. */
  barrier(reached: () => void): void {
    this.#relay.router.barrier(reached);
  }

  learnLastId(name: string, id: string): void {
    this.#relay.learnLastId(name, id);
  }

  lost(channel: string, from: number): void {
    this.#relay.router.fromNodes.lost(channel, from);
  }

  recover(): void {
    this.#relay.recover();
  }

  catchUp(): void {
    this.#relay.catchUp();
  }

  requestTurn(publication: Publication): void {
    this.#relay.requestTurn(publication);
  }

  watchChannels(watcher: ChannelWatcher): void {
    this.#relay.watchChannels(watcher);
  }

  unwatchChannels(watcher: ChannelWatcher): void {
    this.#relay.router.unwatchChannels(watcher);
  }

  get counts(): Counts {
    return this.#relay.router.counts;
  }

  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    this.#relay.countReceivers(items, done);
  }

  channelInfos(keys: readonly string[], done: (infos: readonly ChannelInfo[]) => void): void {
    void this.#relay.channelInfos(keys).then(done);
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    this.#relay.findHeld(ids, done);
  }

  refresh(id: string, done: (found: boolean) => void): void {
    this.#relay.refresh(id, done);
  }
}
