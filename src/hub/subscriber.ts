import { WheelTimer } from '../clock/index.ts';
import { matchesPattern } from '../codec/grip/index.ts';
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
  stamp = 0;
  /** Names the client in the log and in stats. */
  abstract readonly id: string;
  /** Where the client is, and whether it uses TLS. */
  peer: Peer = NOWHERE;
  encrypted = false;
  /** When it was held, in seconds since 1970: a small integer until 2038, which costs nothing besides its field. */
  since = Math.floor(Date.now() / 1_000);
  /** Takes notes of the exchange; null for nobody. */
  record: ExchangeRecord | null = null;
  /** The session that it belongs to; null for none. */
  session: SessionNotes | null = null;
  protected readonly channels: Channels;
  #user: string | null = null;
  /** A list of a few, as most clients have, or else by name. */
  #memberships: Membership[] | Map<string, Membership> = [];
  /** Patterns among them. */
  #patterns = 0;

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

  /** Whose client it is; null where nobody has said that. */
  get user(): string | null {
    return this.#user;
  }

  set user(user: string | null) {
    const former = this.#user;
    if (user === former) return;
    this.#user = user;
    const { counter } = this.channels;
    if (counter === null) return;
    for (const { channel } of this.#memberships.values()) {
      counter.onMember(channel, user, 1);
      counter.onMember(channel, former, -1);
    }
  }

  /** Where it is in the log of its channels; null where they are not kept, and while it is being found out. */
  get cursor(): string | null {
    return null;
  }

  abstract receive(step: Step, now: number): number;

  /** Somebody wants the client gone: ends its exchange in order. Returns false where that is not possible, and the connection has to be cut. */
  disconnect(): boolean {
    this.drain();
    return true;
  }

  /** The hub drains: ends the client's exchange. */
  abstract drain(): void;

  /** The process ends, and another one has taken its place: ends the client's exchange, upon which the client comes to that one. */
  dismiss(): void {
    this.drain();
  }

  /** Items may have been lost on their way to the hub: asks the origin, where that is possible. */
  abstract recover(): void;

  /** Items may have been lost on their way to this process, which has not missed any before. */
  onMissed(): void {
    this.recover();
  }

  /** The last id of one of its channels became known after it had joined: checks whether it has missed an item. */
  onLastId(): void {}

  /** How many channels and patterns it has joined. */
  protected get channelCount(): number {
    return Array.isArray(this.#memberships) ? this.#memberships.length : this.#memberships.size;
  }

  /** Joins the channel with this name, or the pattern with this key. Harmless when it is a member. */
  join(key: string): void {
    if (this.hasJoined(key)) return;
    const membership = this.channels.join(this, key);
    this.channels.counter?.onMember(membership.channel, this.#user, 1);
    if (membership.channel.isPattern) this.#patterns++;
    if (!Array.isArray(this.#memberships)) {
      this.#memberships.set(key, membership);
      return;
    }
    // Most have one channel: a list that grows by itself would have room for many.
    if (this.#memberships.length === 0) this.#memberships = [membership];
    else this.#memberships.push(membership);
    if (this.#memberships.length > FEW) {
      this.#memberships = new Map(this.#memberships.map((each) => [each.channel.key, each]));
    }
  }

  /** Leaves the channel with this name, or the pattern with this key. Harmless when it is not a member. */
  part(key: string): void {
    const membership = this.#find(key);
    if (membership === undefined) return;
    if (membership.channel.isPattern) this.#patterns--;
    if (Array.isArray(this.#memberships)) this.#memberships.splice(this.#memberships.indexOf(membership), 1);
    else this.#memberships.delete(key);
    this.#leave(membership);
  }

  /** Leaves all channels and patterns but those with these names and keys, and joins those of them in which it is no member. */
  protected joinOnly(keys: readonly string[]): void {
    const wanted = new Set(keys);
    for (const { channel } of [...this.#memberships.values()]) {
      if (!wanted.delete(channel.key)) this.part(channel.key);
    }
    for (const key of wanted) this.join(key);
  }

  /** Whether it has joined the channel with this name, or the pattern with this key. */
  hasJoined(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** Whether it gets what is published to the channel with this name: it has joined the channel, or a pattern that matches the name. */
  isMember(name: string): boolean {
    if (this.hasJoined(name)) return true;
    if (this.#patterns === 0) return false;
    for (const { channel } of this.#memberships.values()) {
      if (channel.isPattern && matchesPattern(channel.name, name)) return true;
    }
    return false;
  }

  /** The names of the channels and the keys of the patterns that it has joined, in order. */
  get channelNames(): readonly string[] {
    return Array.from(this.#memberships.values(), ({ channel }) => channel.key);
  }

  /** Lets `receiver` have what comes to its channels. */
  protected standIn(receiver: Receiver): void {
    for (const membership of this.#memberships.values()) membership.receiver = receiver;
  }

  /** Leaves all channels. */
  protected partAll(): void {
    const memberships = this.#memberships;
    this.#memberships = [];
    this.#patterns = 0;
    for (const membership of memberships.values()) this.#leave(membership);
  }

  #leave(membership: Membership): void {
    this.channels.leave(membership);
    this.channels.counter?.onMember(membership.channel, this.#user, -1);
  }

  #find(key: string): Membership | undefined {
    if (Array.isArray(this.#memberships)) return this.#memberships.find(({ channel }) => channel.key === key);
    return this.#memberships.get(key);
  }
}
