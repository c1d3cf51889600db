import type { KnownStay } from '../../hub/index.ts';
import { ForwardingPublisher, HubLink } from '../../hub-relay/index.ts';
import type { PublishingHub } from '../publishing.ts';
import type { OldSide } from './hand-over.ts';
import type { HandOverMeans } from './held-mover.ts';
import type { ToNewProcess } from './upgrade-channel.ts';

/**
 * Lets the clients of this process get what is published in the new one, where they do not move: one of the two has worker processes. The new process
 * orders the items from its start on.
 */
export class StayingClients implements OldSide {
  readonly #means: HandOverMeans;
  /** What publishers published to before. */
  #former: PublishingHub | null = null;
  /** Who was there when this process stopped to count. */
  #stays: readonly KnownStay[] = [];
  #link: HubLink | null = null;
  #forwarding: ForwardingPublisher | null = null;

  constructor(means: HandOverMeans) {
    this.#means = means;
  }

  async lead(channel: ToNewProcess): Promise<void> {
    const { wheel, zmqCounters, log, clients } = this.#means;
    this.#link = new HubLink({ wheel, counters: zmqCounters, log }, channel.toOld, clients.hub.checking, ignore);
    // It has a history of its own.
    this.#link.numbered = false;
    void this.#link.ready();
    channel.send({ kind: 'clients', move: false });
  }

  onMessage(): void {}

  /** What is still published here goes to the clients of both. */
  async giveOver(): Promise<void> {
    const { publishing, presence, counters, log, clients } = this.#means;
    // A new process without a proxy has no clients to publish to.
    if (this.#link?.connected !== true) return;
    this.#forwarding = new ForwardingPublisher(this.#link, clients.hub.checking, { counters, log });
    this.#former = publishing.current;
    // The new process knows them too.
    this.#stays = presence.release();
    publishing.current = this.#forwarding;
  }

  takeBack(): void {
    const link = this.#link;
    if (link === null) return;
    const { publishing, presence, clients } = this.#means;
    if (this.#former !== null) {
      publishing.current = this.#former;
      presence.lead(clients.hub.present, this.#stays);
    }
    this.#former = null;
    link.unaccepted = 0;
    this.#forwarding?.release();
    this.#forwarding = null;
    this.#link = null;
    void link.close();
  }

  finish(): void {}

  /** Closes the way to the new process. */
  async close(): Promise<void> {
    this.#forwarding?.end();
    await this.#link?.close();
  }
}

function ignore(): void {}
