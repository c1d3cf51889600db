import type { TurnQueue } from '../clock/index.ts';
import type { HeldTotal, Histogram } from '../exchange/index.ts';
import type { CallRate } from './call-rate.ts';
import type { ChannelRules } from './channel-rules.ts';
import type { Channels } from './channels.ts';
import type { FilterErrors } from './filter-errors.ts';
import type { HubHistory } from './hub-history.ts';
import type { HubObserver } from './hub-observer.ts';
import type { HubOptions } from './hub-options.ts';
import type { KeptItems } from './kept-items.ts';
import type { QueueBudget } from './queue-budget.ts';
import type { ReplayPacer } from './replay-pacer.ts';
import type { Subscriber } from './subscriber.ts';

/** What the parts of one hub share. */
export interface HubRoom extends HubOptions {
  /** Every client that is held, those included whose request is being replayed. */
  readonly holds: Set<Subscriber>;
  readonly channels: Channels;
  readonly budget: QueueBudget;
  /** Items that wait for the outcome of replays. */
  readonly kept: KeptItems;
  readonly pacer: ReplayPacer;
  /** Requests of filters, by their targets. */
  readonly callPacer: ReplayPacer;
  /** Requests of filters, by their URIs. */
  readonly callRate: CallRate;
  readonly filterErrors: FilterErrors;
  /** What origins have sent to WebSockets whose clients have not taken it. */
  readonly relayed: HeldTotal;
  readonly turns: TurnQueue;
  /** From accepting an item until its delivery is done. */
  readonly latency: Histogram;
  /** Goes up with each step whose delivery begins, and with each recovery. */
  moment: number;
  /** How often items may have been lost on their way to all clients. */
  losses: number;
  /** Null where nobody wants to know what happens. */
  observer: HubObserver | null;
  /** Bytes of held responses, and of the bodies of held requests. */
  heldBytes: number;
  /** Clients are no longer held: streams end, and held requests get their response. */
  draining: boolean;
  /** Which channels are kept, and what is kept of them. */
  readonly history: HubHistory & { readonly rules: ChannelRules };
  /** Whether clients move to another process, or come from there. */
  phase: 'still' | 'moving' | 'adopting';
}
