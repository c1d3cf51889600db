import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  DealerSocket,
  PubSocket,
  PullSocket,
  PushSocket,
  RepSocket,
  ReqSocket,
  RouterSocket,
  SubSocket,
  XPubSocket,
  type ZmqContext,
  ZmqCounters,
  type ZmqOptions,
  type ZmqSocket,
} from '../../../src/zmq/index.ts';
import { FakeLog } from '../fake-log.ts';
import { turn } from '../manual-clock.ts';

/** Things that come one by one and are waited for. */
export class Arrivals<T> {
  /** What has come and was not taken. */
  readonly all: T[] = [];
  readonly #waits: ((thing: T) => void)[] = [];

  readonly add = (thing: T): void => {
    const wait = this.#waits.shift();
    if (wait === undefined) this.all.push(thing);
    else wait(thing);
  };

  /** Takes the next one, as soon as it has come. */
  next(): Promise<T> {
    if (this.all.length > 0) return Promise.resolve(this.all.shift() as T);
    return new Promise((resolve) => this.#waits.push(resolve));
  }

  /** Takes the next `count`. */
  async take(count: number): Promise<T[]> {
    const taken: T[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }
}

/** Parts of latin1 text. */
export function parts(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}

/** The parts as latin1 text, joined by `|`. */
export function text(message: readonly Buffer[]): string {
  return message.map((part) => part.toString('latin1')).join('|');
}

type Given = Partial<ZmqOptions>;

/** A socket with what has come to it: messages as `text`, and calls of `onWritable`. */
export interface Opened<S> {
  readonly socket: S;
  readonly messages: Arrivals<string>;
  readonly writable: Arrivals<true>;
}

/** Opens sockets of all types; they end with the test. None lingers unless it is told to. */
export class ZmqRig {
  readonly counters = new ZmqCounters();
  readonly log = new FakeLog();
  readonly wheel = new TimerWheel();
  readonly context: ZmqContext = { wheel: this.wheel, counters: this.counters, log: this.log };
  readonly #sockets: ZmqSocket[] = [];

  constructor(t: TestContext) {
    t.after(async () => {
      await Promise.all(this.#sockets.map((socket) => socket.close()));
      this.wheel.stop();
    });
  }

  push(options: Given = {}): Opened<PushSocket> {
    return this.#open((given, _onMessage, onWritable) => new PushSocket(this.context, given, onWritable), options);
  }

  pull(options: Given = {}): Opened<PullSocket> {
    return this.#open((given, onMessage) => new PullSocket(this.context, given, onMessage), options);
  }

  pub(options: Given = {}): Opened<PubSocket> {
    return this.#open((given) => new PubSocket(this.context, given), options);
  }

  /** Its messages are the subscriptions: `+topic` and `-topic`. */
  xpub(options: Given = {}): Opened<XPubSocket> {
    return this.#open((given, onMessage) => {
      return new XPubSocket(this.context, given, (topic, subscribed) =>
        onMessage(parts(`${subscribed ? '+' : '-'}${topic}`)),
      );
    }, options);
  }

  sub(options: Given = {}): Opened<SubSocket> {
    return this.#open((given, onMessage) => new SubSocket(this.context, given, onMessage), options);
  }

  router(options: Given = {}): Opened<RouterSocket> {
    return this.#open((given, ...calls) => new RouterSocket(this.context, given, ...calls), options);
  }

  dealer(options: Given = {}): Opened<DealerSocket> {
    return this.#open((given, ...calls) => new DealerSocket(this.context, given, ...calls), options);
  }

  req(options: Given = {}): Opened<ReqSocket> {
    return this.#open((given, ...calls) => new ReqSocket(this.context, given, ...calls), options);
  }

  rep(options: Given = {}): Opened<RepSocket> {
    return this.#open((given, onMessage) => new RepSocket(this.context, given, onMessage), options);
  }

  /** Resolves when so many peers have completed their handshake, both ends of a connection counted. */
  async connected(count: number): Promise<void> {
    while (this.counters.peersConnected < count) await turn();
  }

  #open<S extends ZmqSocket>(
    make: (options: Given, onMessage: (message: Buffer[]) => void, onWritable: () => void) => S,
    options: Given,
  ): Opened<S> {
    const messages = new Arrivals<string>();
    const writable = new Arrivals<true>();
    const given = { linger: 0, ...options };
    const socket = make(
      given,
      (message) => messages.add(text(message)),
      () => writable.add(true),
    );
    this.#sockets.push(socket);
    return { socket, messages, writable };
  }
}
