import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TURN_TIME, TurnQueue } from '../../../src/clock/index.ts';
import { Counters, Payload } from '../../../src/exchange/index.ts';
import type { HistoryStream } from '../../../src/hub/history-stream.ts';
import { NO_START, PAGE_BYTES } from '../../../src/hub/hub-history.ts';
import { ChannelRules, type HistoryAnswer, type HubHistory, patternKey } from '../../../src/hub/index.ts';
import { QUEUE_RESERVE, QueueBudget } from '../../../src/hub/queue-budget.ts';
import { type HistoryPoll, ResponseHistory } from '../../../src/hub/response-history.ts';
import { MAX_LOST, StreamHistory } from '../../../src/hub/stream-history.ts';
import type { StreamRun } from '../../../src/hub/stream-run.ts';
import { chargeTime } from '../../support/charge-time.ts';
import { LargestTurn } from '../../support/largest-turn.ts';
import { rule, SOUND } from './history-rig.ts';
import { turn } from './support.ts';

/** A stream that takes all it gets. */
class FakeStream implements HistoryStream<StreamRun> {
  ready = true;
  isIdle = true;
  ended = false;
  text = '';

  runsOf(): readonly StreamRun[] {
    return [];
  }

  give(): void {}

  onFault(thrown: unknown): void {
    throw thrown;
  }

  tellGap(channels: readonly string[]): void {
    this.text += `gap ${channels.join()};`;
  }

  tellCursor(cursor: string): void {
    this.text += `at ${cursor};`;
  }
}

/** What a client of a single channel begins with. */
const NEW = { since: null, prefix: '', join: 'none' } as const;

/** An answer with nothing in it. */
const NOTHING: HistoryAnswer = { gaps: [], missing: [], items: [], start: NO_START, head: 0, more: false };

type Room = ConstructorParameters<typeof StreamHistory>[0];

function roomOf(): Room {
  return {
    history: { rules: new ChannelRules([rule('>')]) },
    counters: new Counters(),
    turns: new TurnQueue(),
    budget: new QueueBudget(),
  } as unknown as Room;
}

test('a stream reads over any number of pages that have nothing for it, some in each turn', async () => {
  const stream = new FakeStream();
  let pages = 0;
  const source: HubHistory = {
    epoch: 'e',
    ask: (_, done) => done({ ...NOTHING, head: ++pages, more: pages < 20_000 }),
  };
  new StreamHistory(roomOf(), source, stream, { ...NEW, keys: ['x'], since: 'e'.repeat(12) }).start();
  assert.equal(pages, 1);
  while (stream.text === '') await turn();
  assert.deepEqual([stream.text, pages], ['at e-20000;', 20_000]);
});

test('a stream that ends while it reads asks for nothing more', async () => {
  const stream = new FakeStream();
  let pages = 0;
  const source: HubHistory = { epoch: 'e', ask: (_, done) => done({ ...NOTHING, head: ++pages, more: true }) };
  new StreamHistory(roomOf(), source, stream, { ...NEW, keys: ['x'] }).start();
  stream.ended = true;
  const asked = pages;
  for (let i = 0; i < 3; i++) await turn();
  assert.equal(pages, asked);
});

test('a client that takes at once what an answer brings asks for nothing twice', async () => {
  const stream = new FakeStream();
  const numbers: (number | undefined)[] = [];
  const source: HubHistory = {
    epoch: 'e',
    // As over the link to the main process.
    ask: ({ after }, done) => {
      numbers.push(after?.number);
      setImmediate(done, { ...NOTHING, gaps: ['x'], head: 5 });
    },
  };
  const history = new StreamHistory(roomOf(), source, stream, { ...NEW, keys: ['x'], since: `${'e'.repeat(12)}-3` });
  const { tellGap } = stream;
  stream.tellGap = (channels) => {
    tellGap.call(stream, channels);
    history.pump();
  };
  history.start();
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual([numbers, stream.text], [[3], 'gap x;at e-5;']);
});

test('while much waits for other clients no more than its reserve is read for each', () => {
  const room = roomOf();
  const pages: number[] = [];
  const source: HubHistory = {
    epoch: 'e',
    ask: ({ limitBytes }, done) => {
      pages.push(limitBytes);
      done({ ...NOTHING, head: 5 });
    },
  };
  const poll: HistoryPoll = { ready: true, onPlaced() {}, takeKept: () => true, onGap() {}, ...SOUND };
  const read = (): void => {
    new StreamHistory(room, source, new FakeStream(), { ...NEW, keys: ['x'] }).start();
    new ResponseHistory(room, source, poll, { ...NEW, keys: ['x'] }).start(null);
  };
  read();
  const waiting = new Payload(Buffer.alloc(room.budget.max / 2));
  room.budget.take(waiting);
  read();
  room.budget.release(waiting);
  read();
  assert.deepEqual(pages, [PAGE_BYTES, PAGE_BYTES, QUEUE_RESERVE, QUEUE_RESERVE, PAGE_BYTES, PAGE_BYTES]);
});

test('any number of clients that read share the time of a turn', async (t) => {
  const charge = chargeTime(t);
  const room = roomOf();
  const [clients, pages] = [100, 3];
  let [left, turns] = [clients, new LargestTurn()];
  const reader = (): StreamHistory<StreamRun> => {
    let read = 0;
    const source: HubHistory = {
      epoch: 'e',
      ask: (_, done) => {
        turns.count();
        charge(1);
        const more = ++read < pages;
        if (!more) left--;
        done({ ...NOTHING, head: read, more });
      },
    };
    return new StreamHistory(room, source, new FakeStream(), { ...NEW, keys: ['x'], since: 'e'.repeat(12) });
  };
  for (let i = 0; i < clients; i++) reader().start();
  assert.equal(turns.total, clients, 'a page at once');
  turns = new LargestTurn();
  while (left > 0) await turn();
  assert.equal(turns.total, clients * (pages - 1));
  // Two turns may end together as the counter sees them.
  assert.ok(turns.largest <= 2 * (TURN_TIME + 1), `${turns.largest} pages in one turn`);
});

test('a client is told of so many channels of which items got lost, and beyond that of its patterns', () => {
  const stream = new FakeStream();
  const source: HubHistory = { epoch: 'e', ask: (_, done) => done(NOTHING) };
  const history = new StreamHistory(roomOf(), source, stream, { ...NEW, keys: [patternKey('x.>')] });
  history.start();
  stream.ready = false;
  stream.text = '';
  for (let i = 0; i <= MAX_LOST; i++) history.onLost(`x.${i}`);
  assert.equal(stream.text, '');
  stream.ready = true;
  history.pump();
  const names = Array.from({ length: MAX_LOST }, (_, i) => `x.${i}`);
  assert.equal(stream.text, `gap ${[...names, 'x.>'].join()};`);
});
