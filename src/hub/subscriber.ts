import { WheelTimer } from '../clock/index.ts';
import type { ExchangeRecord, Peer, RequestHead } from '../exchange/index.ts';
import type { Membership, Receiver } from './channel.ts';
import type { Channels } from './channels.ts';
import type { SessionNotes } from './next-link.ts';
import type { Format, Step } from './step.ts';

/** Memberships that are searched one by one. A map finds one of more at once, and costs more memory. */
const FEW = 16;

const NOWHERE: Peer = { address: '', port: 0 };

/** A client that gets what is published. It joins and leaves channels as long as it lives. */
export abstract class Subscriber extends WheelTimer implements Receiver {
  abstract readonly format: Format;
  readonly route: string;
  /** Names the client in the log and in stats. */
  abstract readonly id: string;
  /** Where the client is, and whether it uses TLS. */
  peer: Peer = NOWHERE;
  encrypted = false;
  /** Takes notes of the exchange; null for nobody. */
  record: ExchangeRecord | null = null;
  /** The session that it belongs to; null for none. */
  session: SessionNotes | null = null;
  protected readonly channels: Channels;
  /** A list of a few, as most clients have, or else by name. */
  #memberships: Membership[] | Map<string, Membership> = [];

  /** @param route id of the route of its request */
  constructor(channels: Channels, route = '') {
    super();
    this.route = route;
    this.channels = channels;
  }

  /** Notes where the client is. */
  comesFrom({ peer, scheme, record = null }: Pick<RequestHead, 'peer' | 'scheme' | 'record'>): void {
    this.peer = peer;
    this.record = record;
    this.encrypted = scheme === 'https' || scheme === 'wss';
  }

  abstract receive(step: Step, now: number): number;

  /** The hub drains: ends the client's exchange. */
  abstract drain(): void;

  /** The process ends, and another one has taken its place: ends the client's exchange, upon which the client comes to that one. */
  dismiss(): void {
    this.drain();
  }

  /** Items may have been lost on their way to the hub: asks the origin, where that is possible. */
  abstract recover(): void;

  /** The last id of one of its channels became known after it had joined: checks whether it has missed an item. */
  onLastId(): void {}

  /** How many channels it has joined. */
  protected get channelCount(): number {
    return Array.isArray(this.#memberships) ? this.#memberships.length : this.#memberships.size;
  }

  /** Joins the channel with this name. Harmless when it is a member. */
  join(name: string): void {
    if (this.isMember(name)) return;
    const membership = this.channels.join(this, name);
    if (!Array.isArray(this.#memberships)) {
      this.#memberships.set(name, membership);
      return;
    }
    // Most have one channel: a list that grows by itself would have room for many.
    if (this.#memberships.length === 0) this.#memberships = [membership];
    else this.#memberships.push(membership);
    if (this.#memberships.length > FEW) {
      this.#memberships = new Map(this.#memberships.map((each) => [each.channel.name, each]));
    }
  }

  /** Leaves the channel with this name. Harmless when it is not a member. */
  part(name: string): void {
    const membership = this.#find(name);
    if (membership === undefined) return;
    if (Array.isArray(this.#memberships)) this.#memberships.splice(this.#memberships.indexOf(membership), 1);
    else this.#memberships.delete(name);
    this.channels.leave(membership);
  }

  /** Leaves all channels but those with these names, and joins those of them in which it is no member. */
  protected joinOnly(names: readonly string[]): void {
    const wanted = new Set(names);
    for (const { channel } of [...this.#memberships.values()]) {
      if (!wanted.delete(channel.name)) this.part(channel.name);
    }
    for (const name of wanted) this.join(name);
  }

  isMember(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The channels that it has joined, in order. */
  get channelNames(): readonly string[] {
    return Array.from(this.#memberships.values(), ({ channel }) => channel.name);
  }

  /** Lets `receiver` have what comes to its channels. */
  protected standIn(receiver: Receiver): void {
    for (const membership of this.#memberships.values()) membership.receiver = receiver;
  }

  /** Leaves all channels. */
  protected partAll(): void {
    const memberships = this.#memberships;
    this.#memberships = [];
    for (const membership of memberships.values()) this.channels.leave(membership);
  }

  #find(name: string): Membership | undefined {
    if (Array.isArray(this.#memberships)) return this.#memberships.find(({ channel }) => channel.name === name);
    return this.#memberships.get(name);
  }
}
