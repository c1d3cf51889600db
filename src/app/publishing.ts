import type { PublishItem } from '../codec/grip/index.ts';
import type { ChannelWatcher, Publication, ReceivedFormats } from '../hub/index.ts';

/** Takes what is published, and answers what publishers ask: a hub, or what stands for one. */
export interface PublishingHub {
  requestTurn(publication: Publication): void;
  cancelTurn(publication: Publication): void;
  publish(items: readonly PublishItem[]): void;
  recover(): void;
  watchChannels(watcher: ChannelWatcher): void;
  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void;
  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void;
  refresh(id: string, done: (found: boolean) => void): void;
}

/** What publishers publish to. In an upgrade another takes its place while they go on. */
export class Publishing implements PublishingHub {
  #current: PublishingHub;
  /** All that it has been: publishers may still wait there. */
  readonly #all: Set<PublishingHub>;

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
  }

  /** Nobody waits there any more. */
  forget(hub: PublishingHub): void {
    this.#all.delete(hub);
  }

  requestTurn(publication: Publication): void {
    this.current.requestTurn(publication);
  }

  cancelTurn(publication: Publication): void {
    for (const hub of this.#all) hub.cancelTurn(publication);
  }

  publish(items: readonly PublishItem[]): void {
    this.current.publish(items);
  }

  recover(): void {
    this.current.recover();
  }

  watchChannels(watcher: ChannelWatcher): void {
    this.current.watchChannels(watcher);
  }

  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    this.current.countReceivers(items, done);
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    this.current.findHeld(ids, done);
  }

  refresh(id: string, done: (found: boolean) => void): void {
    this.current.refresh(id, done);
  }
}
