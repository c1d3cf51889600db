/** One hold's place in one channel. */
export class Subscription<H> {
  readonly hold: H;
  readonly channel: Channel<H>;
  /** Index in the channel's list; -1 once it is cancelled. */
  position: number;

  constructor(hold: H, channel: Channel<H>, position: number) {
    this.hold = hold;
    this.channel = channel;
    this.position = position;
  }

  /** Ends it; harmless when it has ended. */
  cancel(): void {
    if (this.position >= 0) this.channel.remove(this);
  }
}

/** The holds of one kind that wait for the items of one channel, in a plain array: a fan-out is a loop over it. */
export class Channel<H> {
  readonly name: string;
  readonly #channels: Channels<H>;
  readonly #members: Subscription<H>[] = [];
  #walking = false;
  /** Cancelled subscriptions that are still in the list because it is being walked. */
  #gaps = 0;

  constructor(name: string, channels: Channels<H>) {
    this.name = name;
    this.#channels = channels;
  }

  /** How many holds are subscribed. */
  get size(): number {
    return this.#members.length - this.#gaps;
  }

  /** Subscribes `hold`, which must not be subscribed yet. */
  add(hold: H): Subscription<H> {
    const subscription = new Subscription(hold, this, this.#members.length);
    this.#members.push(subscription);
    return subscription;
  }

  /** Takes a subscription of this channel out. The last one takes the channel along. */
  remove(subscription: Subscription<H>): void {
    const { position } = subscription;
    subscription.position = -1;
    if (this.#walking) {
      // Nothing moves under a walk: else it would miss a hold, or visit one twice.
      this.#gaps++;
    } else {
      const last = this.#members.pop() as Subscription<H>;
      if (last !== subscription) {
        this.#members[position] = last;
        last.position = position;
      }
    }
    if (this.size === 0) this.#channels.delete(this);
  }

  /** Visits every hold that is subscribed now and still is when its turn comes; `visit` may cancel and add subscriptions. */
  forEach(visit: (hold: H) => void): void {
    const members = this.#members;
    const end = members.length;
    this.#walking = true;
    for (let i = 0; i < end; i++) {
      const member = members[i] as Subscription<H>;
      if (member.position >= 0) visit(member.hold);
    }
    this.#walking = false;
    if (this.#gaps > 0) this.#closeGaps();
  }

  #closeGaps(): void {
    let kept = 0;
    for (const member of this.#members) {
      if (member.position < 0) continue;
      member.position = kept;
      this.#members[kept++] = member;
    }
    this.#members.length = kept;
    this.#gaps = 0;
  }
}

/** The channels that holds of one kind wait on, by name. A channel is there while somebody waits on it. */
export class Channels<H> {
  readonly #byName = new Map<string, Channel<H>>();

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): Channel<H> | undefined {
    return this.#byName.get(name);
  }

  /** Subscribes `hold` to the channels with these names, no name twice. */
  subscribe(hold: H, names: readonly string[]): Subscription<H>[] {
    return names.map((name) => {
      let channel = this.#byName.get(name);
      if (channel === undefined) {
        channel = new Channel(name, this);
        this.#byName.set(name, channel);
      }
      return channel.add(hold);
    });
  }

  /** Forgets a channel that nobody waits on any more. */
  delete(channel: Channel<H>): void {
    this.#byName.delete(channel.name);
  }
}
