import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeItem } from '../../../src/codec/grip/index.ts';
import { type HistoryAnswer, type HistoryQuestion, MAX_UNDELIVERED } from '../../../src/hub/index.ts';
import { answerHistory, LinkedHistory, MAX_ASKED_BYTES } from '../../../src/hub-relay/linked-history.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { eventually } from '../../support/running-app.ts';
import { type SeededRandom, seededRandom } from '../../support/seeded-random.ts';
import { both, event, QUESTION, rule } from '../hub/history-rig.ts';
import { HubRelayRig, type RelayedWorker } from './support.ts';

test('a client that comes to another worker gets what it has missed, and then what comes', async (t) => {
  const rig = new HubRelayRig(t);
  const store = rig.keep([rule('a'), rule('b')]);
  const [one, other] = [await rig.worker('1'), await rig.worker('2')];
  const client = one.eventStream(['a', 'b'], null);
  await eventually(() => client.body.includes('id: '));
  rig.publish(event('a', '1'));
  await eventually(() => client.body.includes('data: 1'));
  assert.equal(client.body, `id: ${store.epoch}-0\n\ndata: 1\nid: ${store.epoch}-1\n\n`);
  one.drop(client);
  rig.publish(event('b', '2'), event('c', 'x'), event('a', '3'));
  const again = other.eventStream(['a', 'b'], `${store.epoch}-1`);
  rig.publish(event('a', '4'));
  await eventually(() => again.body.includes('data: 4'));
  assert.deepEqual(dataOf(again.body), ['2', '3', '4']);
  const lost = other.eventStream(['a'], 'old-1');
  await eventually(() => lost.body.includes('id: '));
  assert.equal(lost.body, `event: gap\ndata: {"channels":["a"]}\n\nid: ${store.epoch}-4\n\n`);
});

test('a client whose origin names an item gets what comes after it, and no replay is asked', async (t) => {
  const rig = new HubRelayRig(t);
  rig.keep([rule('a')]);
  const worker = await rig.worker('1');
  rig.publish({ ...both('a', '1'), id: '1' }, { ...both('a', '2'), id: '2', prevId: '1' });
  const client = worker.poll('a', '1');
  await eventually(() => client.head !== null);
  assert.equal(client.body, '2');
  assert.equal(worker.replays, 0);
  const unknown = worker.poll('a', 'unknown');
  rig.publish({ ...both('a', '3'), id: '3', prevId: '2' });
  await eventually(() => worker.replays === 1);
  assert.equal(unknown.head, null);
});

test('publishers are told the cursors of their items', async (t) => {
  const rig = new HubRelayRig(t);
  const store = rig.keep([rule('a')]);
  const items = [event('a', '1'), event('b', 'x')];
  let told: readonly (string | null)[] = [];
  rig.publish(...items);
  rig.relay.tellCursors(items, (cursors) => {
    told = cursors;
  });
  await eventually(() => told.length > 0);
  assert.deepEqual(told, [`${store.epoch}-1`, null]);
});

test('publishers that wait for the store have their turn when it has stored, though no worker has the channel', async (t) => {
  const rig = new HubRelayRig(t);
  const store = rig.keep([rule('a')]);
  await rig.worker('1');
  const stored: (() => void)[] = [];
  t.mock.method(store, 'append', (_: unknown, done: (first: number) => void) => stored.push(() => done(1)));
  let waiting = MAX_UNDELIVERED;
  t.mock.getter(store, 'waiting', () => waiting);
  rig.publish(event('a', '1'));
  rig.relay.router.flush();
  let turns = 0;
  const onTurn = (): boolean => ++turns > 0;
  rig.relay.requestTurn({ bytes: 1, onTurn, onFault: assert.fail });
  assert.deepEqual([stored.length, turns], [1, 0]);
  waiting = 0;
  stored[0]?.();
  assert.equal(turns, 1);
});

test('a client by pattern gets what it has missed', async (t) => {
  const rig = new HubRelayRig(t);
  const store = rig.keep([rule('>')]);
  const worker = await rig.worker('1');
  rig.publish(event('a.1', '1'), event('b', 'x'), event('a.2', '2'));
  const client = worker.eventStream([], `${store.epoch}-0`, undefined, ['a.*']);
  await eventually(() => client.body.includes('data: 2'));
  rig.publish(event('a.3', '3'));
  await eventually(() => client.body.includes('data: 3'));
  assert.deepEqual(dataOf(client.body), ['1', '2', '3']);
});

test('a client whose worker has missed items reads them from the log', async (t) => {
  const rig = new HubRelayRig(t);
  const store = rig.keep([rule('a')]);
  const worker = await rig.worker('1');
  const client = worker.eventStream(['a'], null);
  await eventually(() => client.body.includes('id: '));
  // As if they had got lost on the way.
  store.append([{ channel: 'a', bytes: encodedEvent('lost'), keep: rule('a').keep ?? assert.fail() }], () => {});
  rig.relay.recover();
  await eventually(() => client.body.includes('data: lost'));
  rig.publish(event('a', 'live'));
  await eventually(() => client.body.includes('data: live'));
  assert.deepEqual(dataOf(client.body), ['lost', 'live']);
});

test('a client whose answer finds no room on its way to the worker gets it when there is some', async (t) => {
  const rig = new HubRelayRig(t);
  const store = rig.keep([rule('a')]);
  const worker = await rig.worker('1');
  rig.publish(event('a', '1'));
  const { history } = rig.relay.router;
  const source = history.source ?? assert.fail();
  const part = { channels: [], bytes: Buffer.alloc(1_048_576) };
  let asked = 0;
  history.source = {
    epoch: source.epoch,
    ask(question, done) {
      // Until too much waits for the worker.
      if (++asked === 1) while (rig.relay.sendStore('1', { store: 'channels', part }));
      source.ask(question, done);
    },
  };
  const client = worker.eventStream(['a'], `${store.epoch}-0`);
  await eventually(() => client.body.includes('data: 1'));
  assert.deepEqual([asked, dataOf(client.body)], [2, ['1']]);
});

test('so much is asked at a time; beyond it nothing is recovered', () => {
  const packets: Buffer[] = [];
  let sends = false;
  const history = new LinkedHistory((packet) => sends && packets.push(packet) > 0);
  const channels = ['c'.repeat(MAX_ASKED_BYTES / 4)];
  const question: HistoryQuestion = { ...QUESTION, channels, after: { epoch: 'e', number: 1 } };
  const answers: HistoryAnswer[] = [];
  for (let i = 0; i < 4; i++) history.ask(question, (answer) => answers.push(answer));
  // Each costs more than its text: the fourth is too much.
  assert.deepEqual(
    answers.map(({ gaps, items }) => [gaps, items]),
    [[channels, []]],
  );
  sends = true;
  history.retry();
  history.retry();
  assert.equal(packets.length, 3);
  for (const packet of packets) answerHistory(null, packet, (answer) => history.onAnswer(answer));
  assert.equal(answers.length, 4);
  history.ask(question, () => {});
  assert.equal(packets.length, 4);
});

function encodedEvent(text: string): Buffer {
  return encodeItem(event('a', text));
}

function dataOf(text: string): string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1] ?? '');
}

/** A client that drops at any byte, and comes back with the last id that it has understood. */
class DroppingClient {
  readonly channels: readonly string[];
  /** What it has got since it began, or since it was told of a gap: `channel:number`. */
  readonly got: string[] = [];
  /** Items that came before it began are not for it. */
  from: number;
  gaps = 0;
  #id: string | null = null;
  #held: HeldClient | null = null;
  #worker: RelayedWorker | null = null;
  #parsed = 0;
  #cut = false;

  constructor(channels: readonly string[], from: number) {
    this.channels = channels;
    this.from = from;
  }

  come(worker: RelayedWorker, credits: number): void {
    this.#worker = worker;
    this.#parsed = 0;
    this.#cut = false;
    this.#held = worker.eventStream(this.channels, this.#id, credits);
  }

  get isThere(): boolean {
    return this.#held !== null;
  }

  get hasCursor(): boolean {
    return this.#id !== null;
  }

  take(bytes: number): void {
    this.#held?.grant(bytes);
  }

  /** Drops after so many bytes of what it has been given and has not looked at. */
  drop(random: SeededRandom): void {
    if (this.#held === null) return;
    this.look(random.below(this.#held.body.length - this.#parsed + 1));
    this.#worker?.drop(this.#held);
    this.#held = null;
    this.#cut = true;
  }

  /** Reads what has come, up to so many bytes. */
  look(most = Infinity): void {
    if (this.#held === null || this.#cut) return;
    const text = this.#held.body.slice(this.#parsed, this.#parsed + most);
    for (const block of text.split('\n\n').slice(0, -1)) {
      this.#parsed += block.length + 2;
      const id = /^id: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (/^event: gap$/m.test(block)) {
        this.gaps++;
        this.got.length = 0;
        this.from = Infinity;
      } else if (data !== undefined) {
        this.got.push(data);
      }
      if (id === undefined) continue;
      this.#id = id;
      // What it begins with: after a gap, and at first.
      const number = Number(id.split('-')[1]);
      if (this.from === Infinity && data === undefined) this.from = number;
    }
  }
}

test('whatever clients do, each gets the items of its channels in order, once, or is told of the gap', async (t) => {
  const random = seededRandom(t);
  for (let round = 0; round < 6; round++) {
    const rig = new HubRelayRig(t, { queueItems: 1 + random.below(5), queueBytes: 200 + random.below(2_000) });
    const names = ['a', 'b', 'c', 'd'];
    const kept = random.below(2) === 0 ? 8 : 10_000;
    const store = rig.keep(names.map((name) => rule(name, { items: kept })));
    const workers = [await rig.worker('1'), await rig.worker('2')];
    for (const { rig: hub } of workers) hub.limits.current = rig.main.limits.current;
    /** All items, in their order: their numbers are their places. */
    const published: { channel: string; text: string }[] = [];
    const clients = Array.from({ length: 12 }, () => {
      const channels = names.filter(() => random.below(2) === 0);
      return new DroppingClient(channels.length === 0 ? ['a'] : channels, Infinity);
    });
    for (let step = 0; step < 600; step++) {
      const client = random.pick(clients);
      const act = random.below(10);
      if (act < 4) {
        const items = Array.from({ length: 1 + random.below(4) }, () => {
          const channel = random.pick(names);
          const text = `${channel}:${published.length + 1}`;
          published.push({ channel, text });
          return event(channel, text);
        });
        rig.publish(...items);
      } else if (act < 6) {
        if (!client.isThere) client.come(random.pick(workers), random.below(300));
      } else if (act < 7) {
        client.drop(random);
      } else if (act < 9) {
        client.take(1 + random.below(400));
      } else {
        for (let turns = random.below(4); turns > 0; turns--) await new Promise(setImmediate);
      }
    }
    // In the end all are there, and take everything.
    const last = names.map((channel) => ({ channel, text: `${channel}:last` }));
    for (const client of clients) if (!client.isThere) client.come(random.pick(workers), 100);
    for (const client of clients) {
      await eventually(() => {
        client.take(1_000);
        client.look();
        return client.hasCursor;
      });
    }
    rig.publish(...last.map(({ channel, text }) => event(channel, text)));
    published.push(...last);
    for (const client of clients) {
      const end = `${names.findLast((name) => client.channels.includes(name))}:last`;
      await eventually(() => {
        client.take(1_000);
        client.look();
        // Or it was told of a gap, which the end is part of.
        return (
          client.got.at(-1) === end || client.from >= published.length - names.length + 1 + names.indexOf(end[0] ?? '')
        );
      });
      const mine = published.filter(({ channel }, i) => i >= client.from && client.channels.includes(channel));
      assert.deepEqual(
        client.got,
        mine.map(({ text }) => text),
        `from ${client.from}, ${client.gaps} gaps`,
      );
    }
    if (kept === 10_000)
      assert.equal(
        clients.reduce((sum, { gaps }) => sum + gaps, 0),
        0,
      );
    assert.equal(store.last, published.length);
    for (const worker of workers) await worker.end();
  }
});
