import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../src/history/index.ts';
import { ChannelRules, type HubHistory } from '../../src/hub/index.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { rule } from '../unit/hub/history-rig.ts';
import { HubRig, messageItem, stoppedClock, turn } from '../unit/hub/support.ts';
import { WebSocketSite } from '../unit/hub/websocket-rig.ts';

const CHANNELS = ['a', 'b', 'c', 'd'];
const CASES = 150;
const STEPS = 150;

/** What a client must have got of a channel: all items above `from`. */
interface Wanted {
  from: number;
  /** Whether it has said where it is: it gets nothing below. */
  exact: boolean;
  /** Where it comes back: the cursor of its last message of the channel, or the one that it has asked with; null for a new one. */
  since: string | null;
  readonly got: Set<number>;
}

interface Envelope {
  readonly type?: string;
  readonly channel?: string;
  readonly cursor: string;
  readonly text?: string;
}

/**
 * A client that comes and goes. One with a cursor for all of its channels names them in one go when it comes back, and begins with others as a new one; one with a
 * cursor for each may ask for what it has missed at any time.
 */
class Client {
  readonly wanted = new Map<string, Wanted>();
  readonly #hub: HubRig;
  readonly #random: SeededRandom;
  readonly #each: boolean;
  #site: WebSocketSite;
  /** Its last cursor. */
  #last: string | null = null;
  #read = 0;
  /** The number of the last item of each channel on this connection. */
  readonly #numbers = new Map<string, number>();

  /** Channels that it has left: messages of these may still be on their way. */
  readonly #left = new Set<string>();

  constructor(hub: HubRig, random: SeededRandom, each: boolean) {
    this.#hub = hub;
    this.#random = random;
    this.#each = each;
    this.#site = this.#open();
  }

  #open(): WebSocketSite {
    const site = new WebSocketSite(this.#hub, { envelope: true, credits: this.#random.below(3) * 100 });
    const { requester } = site;
    // Some take what they get at once, within the call.
    if (this.#random.below(3) === 0) {
      requester.onCall = () => {
        if (requester.credits < 50) site.credit(100);
      };
    }
    return site;
  }

  subscribe(channel: string, head: number, known: string): void {
    if (this.wanted.has(channel) || this.#left.has(channel)) return;
    const since = this.#each && this.#random.below(2) === 0 ? known : null;
    const from = since === null ? head : Number(since.split('-')[1]);
    this.wanted.set(channel, { from, exact: since !== null, since, got: new Set() });
    this.#site.hold.subscribe(channel, [], since);
  }

  leave(channel: string): void {
    if (!this.wanted.delete(channel)) return;
    this.#left.add(channel);
    this.#site.hold.part(channel);
  }

  take(bytes: number): void {
    this.#site.credit(bytes);
    this.#note();
  }

  /** Loses its connection, and comes back. */
  comeBack(head: number): void {
    this.#note();
    this.#site.hold.end();
    this.#numbers.clear();
    this.#left.clear();
    this.#read = 0;
    this.#site = this.#open();
    for (const [channel, wanted] of this.wanted) {
      const since = this.#each ? wanted.since : this.#last;
      // It has nothing of a channel yet of which it could say where it is.
      if (since === null) wanted.from = head;
      wanted.exact = since !== null && this.#each;
      this.#site.hold.subscribe(channel, [], since);
    }
  }

  #note(): void {
    const { events } = this.#site.requester;
    for (; this.#read < events.length; this.#read++) {
      const event = events[this.#read] ?? '';
      const { type, channel = '', cursor, text }: Envelope = JSON.parse(event.slice('text '.length));
      assert.notEqual(type, 'gap', event);
      this.#last = cursor;
      const number = Number(text);
      const wanted = this.wanted.get(channel);
      if (type !== undefined || wanted === undefined) continue;
      assert.ok(number > (this.#numbers.get(channel) ?? 0), `${event} after ${this.#numbers.get(channel)}`);
      const asked = wanted.exact ? Number(wanted.since?.split('-')[1]) : 0;
      if (this.#numbers.get(channel) === undefined) assert.ok(number > asked, `${event} although it has ${asked}`);
      this.#numbers.set(channel, number);
      // A cursor for all is exact, as nothing has been asked for later.
      if (!this.#each) assert.ok(!wanted.got.has(number), `${event} twice`);
      wanted.got.add(number);
      wanted.since = cursor;
    }
  }
}

test('clients of WebSockets miss nothing and get nothing twice, however slow they are, and whenever they come and go', async (t) => {
  const advance = stoppedClock(t);
  for (let seed = 1; seed <= CASES; seed++) {
    const random = new SeededRandom(seed);
    const hub = new HubRig(advance, { queueItems: 1 + random.below(5) });
    const store = new MemoryStore({ maxBytes: 10_000_000, log: hub.log, now: () => 1_000 });
    hub.hub.history.rules = new ChannelRules([rule('>', { items: 10_000 })]);
    hub.hub.history.keepIn(store);
    if (random.below(2) === 0) hub.hub.history.source = delayed(hub.hub.history.source as HubHistory);
    const clients = Array.from({ length: 3 }, (_, at) => new Client(hub, random.fork(), at > 0));
    const published: { readonly channel: string; readonly number: number }[] = [];
    const publish = (): void => {
      const channel = random.pick(CHANNELS);
      published.push({ channel, number: published.length + 1 });
      hub.hub.publish([messageItem(channel, `${published.length}`)]);
    };
    publish();
    for (let step = 0; step < STEPS; step++) {
      const client = random.pick(clients);
      const kind = random.below(20);
      if (kind < 8) publish();
      else if (kind < 11) await turn();
      else if (kind < 14) client.take(random.below(300));
      else if (kind < 17)
        client.subscribe(random.pick(CHANNELS), store.head, `${store.epoch}-${random.below(store.head + 1)}`);
      else if (kind < 18) client.leave(random.pick(CHANNELS));
      else if (kind < 19) client.comeBack(store.head);
      else for (let i = random.below(30); i > 0; i--) publish();
    }
    for (let i = 0; i < 60; i++) {
      for (const client of clients) client.take(10_000);
      await turn();
    }
    for (const [at, { wanted }] of clients.entries()) {
      for (const [channel, { from, got }] of wanted) {
        const expected = published.filter((item) => item.channel === channel && item.number > from);
        const missing = expected.filter(({ number }) => !got.has(number));
        assert.deepEqual(missing, [], `seed ${seed}, client ${at}`);
      }
    }
    assert.equal(hub.counters.itemsDropped, 0);
    store.stop();
    hub.wheel.stop();
  }
});

/** Answers that come a turn later. */
function delayed(source: HubHistory): HubHistory {
  return {
    get epoch() {
      return source.epoch;
    },
    ask: (question, done) => source.ask(question, (answer) => setImmediate(() => done(answer))),
  };
}
