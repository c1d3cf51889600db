import { attempt, type Guarded, TurnQueue } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import { type Counters, LineRate, type Log, reportFault } from '../exchange/index.ts';
import { type ChannelWatcher, Intake, type Publication, type ReceivedFormats } from '../hub/index.ts';
import type { HubLink, LinkedHub } from './hub-link.ts';

/** Where it is told what goes wrong. */
interface ForwardingReport {
  readonly counters: Pick<Counters, 'faults' | 'itemsUndelivered'>;
  readonly log: Log;
}

/** Stands for the hub where publishers are while another process orders the items: passes on what they publish. */
export class ForwardingPublisher implements Guarded {
  readonly #link: HubLink;
  readonly #hub: LinkedHub;
  readonly #intake: Intake;
  readonly #report: ForwardingReport;
  readonly #losses = new LineRate();
  /** Bytes that were passed on, as the link counts them. */
  #sent = 0;
  /** Who wait until the other process has accepted so many of them. */
  #waiting: { readonly sent: number; readonly done: (known: boolean) => void }[] = [];

  /** @param hub has the clients of this process, and answers questions about clients */
  constructor(link: HubLink, hub: LinkedHub, report: ForwardingReport) {
    this.#report = report;
    this.#link = link;
    this.#hub = hub;
    this.#intake = new Intake(
      new TurnQueue(),
      () => (link.connected ? link.unaccepted : Number.POSITIVE_INFINITY),
      (thrown) => this.onFault(thrown),
    );
    link.onAccepted = () => {
      this.#tellOrdered();
      this.#intake.pump();
    };
  }

  /** Publishers wait from now on. */
  hold(): void {
    this.#intake.hold();
  }

  /** Publishers that wait get their turn, whoever takes what they publish. */
  release(): void {
    this.#intake.release();
    this.#tellOrdered();
  }

  /** The other process accepts nothing any more: nobody waits for that. */
  end(): void {
    for (const { done } of this.#waiting.splice(0)) attempt(this, () => done(true));
  }

  requestTurn(publication: Publication): void {
    this.#intake.request(publication);
  }

  cancelTurn(publication: Publication): void {
    this.#intake.cancel(publication);
  }

  /** Passes items on. Those for which the other process has no room, or that it is not there for, are dropped, which is counted and logged. */
  publish(items: readonly PublishItem[]): void {
    const { unaccepted } = this.#link;
    if (this.#link.publish(items)) {
      this.#sent += this.#link.unaccepted - unaccepted;
      return;
    }
    const { counters, log } = this.#report;
    counters.itemsUndelivered += items.length;
    const fields = { items: counters.itemsUndelivered };
    this.#losses.write(log, 'warn', fields, 'the process that orders the items takes none: items dropped');
  }

  /** It has none: the other process knows them. */
  readonly keys = null;

  /** The other process knows which keys were used: it drops an item whose key was used for other content. */
  reusedKey(): null {
    return null;
  }

  /** The other process knows them. */
  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void {
    done(items.map(() => null));
  }

  /** The other process says when it has accepted what was passed on. Before that, what is published there comes first. */
  ordered(done: (known: boolean) => void): void {
    this.#waiting.push({ sent: this.#sent, done });
    this.#tellOrdered();
  }

  #tellOrdered(): void {
    const accepted = this.#sent - this.#link.unaccepted;
    while (this.#waiting[0] !== undefined && this.#waiting[0].sent <= accepted) {
      const { done } = this.#waiting.shift() as { readonly done: (known: boolean) => void };
      attempt(this, () => done(true));
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  recover(): void {
    this.#link.recover();
  }

  watchChannels(watcher: ChannelWatcher): void {
    this.#hub.watchChannels(watcher);
  }

  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    this.#hub.countReceivers(items, done);
  }

  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    this.#hub.findHeld(ids, done);
  }

  refresh(id: string, done: (found: boolean) => void): void {
    this.#hub.refresh(id, done);
  }
}
