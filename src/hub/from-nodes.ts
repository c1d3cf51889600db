import { fault } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import type { ChannelHistory } from './channel-history.ts';
import type { Channels } from './channels.ts';
import type { Intake } from './intake.ts';
import type { Sequencer } from './sequencer.ts';

/** What a hub, or a router of several hubs, gets from the other nodes of a cluster. */
export class FromNodes {
  readonly #channels: Channels;
  readonly #sequencer: Sequencer;
  readonly #history: ChannelHistory;
  readonly #intake: () => Intake;

  constructor(channels: Channels, sequencer: Sequencer, history: ChannelHistory, intake: () => Intake) {
    this.#intake = intake;
    this.#channels = channels;
    this.#sequencer = sequencer;
    this.#history = history;
  }

  /** Other nodes cannot be reached any more: publishers that wait until their items are stored are told. Those that wait for their turn are told, too, or may publish to this node alone. */
  onAway(): void {
    this.#history.giveUp();
    if (this.#history.isClosed) this.#intake().tellAway();
    else this.pump();
  }

  /** Publishers that wait may have their turn. */
  pump(): void {
    this.#intake().pump();
  }

  /** Delivers items that another node has accepted and that are not kept, after those that were accepted here. */
  receive(items: readonly PublishItem[]): void {
    for (const item of items) item.shared = true;
    this.#sequencer.add(items);
  }

  /**
   * Items of a channel got lost on their way here. They are kept: clients that have not gone beyond them read them, and the others are told.
   * @param from the number of the last item of the channel that was not lost
   */
  lost(channel: string, from: number): void {
    const known = this.#channels.get(channel);
    const patterns = this.#channels.matching(channel);
    for (const each of known === undefined ? patterns : [known, ...patterns]) {
      for (const { members } of each.groups) {
        for (const { receiver } of [...members]) {
          try {
            receiver.onBroken?.(channel, from);
          } catch (thrown) {
            fault(receiver, thrown);
          }
        }
      }
    }
  }
}
