import type { PublishItem } from '../codec/grip/index.ts';
import type { ChannelInfo, ChannelWatcher, Publication, ReceivedFormats } from '../hub/index.ts';
import type { LinkedHub } from './hub-link.ts';
import type { HubRelay } from './hub-relay.ts';

/** The hubs of all workers of a relay as one, which another process may have as a worker of its own. */
export class RelayedHub implements LinkedHub {
  readonly #relay: HubRelay;

  constructor(relay: HubRelay) {
    this.#relay = relay;
  }

  /** The other process has ordered the items; this order changes nothing. An id that was seen here is still known. */
  deliver(items: readonly PublishItem[]): void {
    this.#relay.publish(items);
  }

  /** Nothing moves between these hubs. */
  barrier(reached: () => void): void {
    reached();
  }

  /** The relay knows the last ids of its channels. */
  learnLastId(): void {}

  recover(): void {
    this.#relay.recover();
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

  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    this.#relay.countReceivers(items, done);
  }

  channelInfos(names: readonly string[], done: (infos: readonly ChannelInfo[]) => void): void {
    void this.#relay.channelInfos(names).then(done);
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    this.#relay.findHeld(ids, done);
  }

  refresh(id: string, done: (found: boolean) => void): void {
    this.#relay.refresh(id, done);
  }
}
