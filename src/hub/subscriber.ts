import { WheelTimer } from '../clock/index.ts';
import type { Peer, RequestHead } from '../exchange/index.ts';
import type { Membership, Receiver } from './channel.ts';
import type { Channels } from './channels.ts';
import type { SessionNotes } from './next-link.ts';
import type { Format, Step } from './step.ts';

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
  /** The session that it belongs to; null for none. */
  session: SessionNotes | null = null;
  protected readonly channels: Channels;
  protected memberships: Membership[] = [];

  /** @param route id of the route of its request */
  constructor(channels: Channels, route = '') {
    super();
    this.route = route;
    this.channels = channels;
  }

  /** Notes where the client is. */
  comesFrom({ peer, scheme }: Pick<RequestHead, 'peer' | 'scheme'>): void {
    this.peer = peer;
    this.encrypted = scheme === 'https' || scheme === 'wss';
  }

  abstract receive(step: Step, now: number): number;

  /** The hub drains: ends the client's exchange. */
  abstract drain(): void;

  /** Items may have been lost on their way to the hub: asks the origin, where that is possible. */
  abstract recover(): void;

  /** The last id of one of its channels became known after it had joined: checks whether it has missed an item. */
  onLastId(): void {}

  /** Joins the channel with this name. Harmless when it is a member. */
  join(name: string): void {
    if (!this.isMember(name)) this.memberships.push(this.channels.join(this, name));
  }

  /** Leaves the channel with this name. Harmless when it is not a member. */
  part(name: string): void {
    const index = this.memberships.findIndex(({ channel }) => channel.name === name);
    if (index < 0) return;
    const [membership] = this.memberships.splice(index, 1);
    this.channels.leave(membership as Membership);
  }

  /** Leaves all channels but those with these names, and joins those of them in which it is no member. */
  protected joinOnly(names: readonly string[]): void {
    const wanted = new Set(names);
    for (const { channel } of [...this.memberships]) {
      if (!wanted.delete(channel.name)) this.part(channel.name);
    }
    for (const name of wanted) this.join(name);
  }

  isMember(name: string): boolean {
    return this.memberships.some(({ channel }) => channel.name === name);
  }

  /** Leaves all channels. */
  protected partAll(): void {
    const { memberships } = this;
    this.memberships = [];
    for (const membership of memberships) this.channels.leave(membership);
  }
}
