import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeItem } from '../../../src/codec/grip/index.ts';
import { type Cursor, MemoryStore } from '../../../src/history/index.ts';
import { askForId, type HistoryAnswer, type HistoryQuestion } from '../../../src/hub/hub-history.ts';
import { ChannelRules, OwnHistory, patternKey } from '../../../src/hub/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { ALL } from '../../support/history/history-model.ts';
import { turn } from '../../support/manual-clock.ts';
import { event, QUESTION, rule, SOUND } from './history-rig.ts';

function historyOf(count: number, size = 1): { history: OwnHistory; store: MemoryStore } {
  const store = new MemoryStore({ maxBytes: 67_108_864, log: new FakeLog(), now: () => 1_000 });
  const entries = Array.from({ length: count }, (_, i) => ({
    channel: 'a',
    bytes: encodeItem(event('a', 'x'.repeat(size), { id: `${i + 1}` })),
    keep: ALL,
  }));
  store.append(entries, () => undefined);
  return { history: new OwnHistory(store, () => new ChannelRules([rule('>')]), SOUND), store };
}

function ask(history: OwnHistory, question: Partial<HistoryQuestion>): HistoryAnswer {
  const answers: HistoryAnswer[] = [];
  history.ask({ ...QUESTION, channels: ['a'], ...question }, (answer) => answers.push(answer));
  return answers[0] ?? assert.fail('no answer');
}

test('an id is found among the last 1,000 items of its channel, and not before them', () => {
  const { history } = historyOf(1_200);
  const found = ask(history, { ids: [['a', '201']] });
  assert.deepEqual([found.missing, found.items[0]?.number], [[], 202]);
  const lost = ask(history, { ids: [['a', '200']] });
  assert.deepEqual([lost.missing, lost.items, lost.head], [['a'], [], 1_200]);
});

test('after so many items in one turn questions wait for later turns, in their order', async () => {
  const { history } = historyOf(1_000);
  const answered: string[] = [];
  for (const id of ['0', '1', '2', '3']) {
    // What each asks is another question.
    history.ask({ ...QUESTION, channels: ['a'], ids: [['a', `1${id}`]], limitBytes: 300_000 }, () => answered.push(id));
  }
  assert.deepEqual(answered, ['0', '1', '2']);
  while (answered.length < 4) await turn();
  assert.deepEqual(answered, ['0', '1', '2', '3']);
});

test('looking for an id does not look at the contents of items', (t) => {
  const { history, store } = historyOf(1_000, 10_000);
  const parse = t.mock.method(JSON, 'parse');
  let found: boolean | null = null;
  askForId(history, 'a', 'unknown', (known) => {
    found = known;
  });
  assert.deepEqual([found, parse.mock.callCount()], [false, 0]);
  assert.equal(store.last, 1_000);
});

test('pages go on where the answer before has ended, on each channel from its own beginning', () => {
  const { history, store } = historyOf(3);
  const b = ['b1', 'b2', 'b3'].map((id) => ({ channel: 'b', bytes: encodeItem(event('b', id, { id })), keep: ALL }));
  store.append(b, () => undefined);
  const channels = ['a', 'b', 'c'];
  const numbers: (number | undefined)[] = [];
  let answer = ask(history, {
    channels,
    ids: [
      ['a', '1'],
      ['b', 'b2'],
    ],
    limitBytes: 1,
  });
  for (;;) {
    assert.equal(answer.items.length, 1);
    numbers.push(answer.items[0]?.number);
    if (!answer.more) break;
    const { head: number, start } = answer;
    answer = ask(history, { channels, after: { epoch: store.epoch, number }, start, limitBytes: 1 });
  }
  assert.deepEqual([numbers, answer.head], [[2, 3, 6], 6]);
});

test('to look for ids that are not kept takes several turns, and what was let go meanwhile is missing', async () => {
  const { history, store } = historyOf(1_000);
  let answered = 0;
  const look = (count: number): void => {
    for (let i = 0; i < count; i++) askForId(history, 'a', `unknown ${answered}-${i}`, () => answered++);
  };
  look(100);
  assert.ok(answered < 70, 'the others wait');
  const answers: HistoryAnswer[] = [];
  const ids = [
    ['a', '1'],
    ['b', '1'],
  ] as const;
  history.ask({ ...QUESTION, channels: ['a', 'b'], ids }, (answer) => answers.push(answer));
  while (answers.length === 0) await turn();
  assert.equal(answered, 100);
  assert.deepEqual([answers[0]?.missing, answers[0]?.items[0]?.number], [['b'], 2]);
  // One question with many ids has its turns too: the items of the first are gone when the last one was looked for.
  const unknown = Array.from({ length: 100 }, (_, i) => ['a', `never ${i}`] as const);
  answers.length = 0;
  history.ask({ ...QUESTION, channels: ['a'], ids: [['a', '2'], ...unknown] }, (answer) => answers.push(answer));
  assert.equal(answers.length, 0);
  store.clear('a');
  while (answers.length === 0) await turn();
  assert.deepEqual([answers[0]?.missing.length, answers[0]?.items, answers[0]?.head], [101, [], 1_000]);
});

/** The items of `historyOf`, in a store that other nodes append to. @param from where a new client begins */
function sharedHistory(from: (store: MemoryStore) => Cursor | null): { history: OwnHistory; store: MemoryStore } {
  const { store } = historyOf(3);
  const shared = Object.assign(store, {
    cover: (_keys: readonly string[], done: (from: Cursor | null) => void): void => done(from(store)),
  });
  return { history: new OwnHistory(shared, () => new ChannelRules([rule('>')]), SOUND), store };
}

test('a new client that was answered late gets what has been stored since it came, and is told where that is not known', () => {
  const late = sharedHistory(({ epoch }) => ({ epoch, number: 1 }));
  const found = ask(late.history, { channels: ['a', 'b'] });
  assert.deepEqual([found.gaps, found.items.map(({ number }) => number), found.head], [[], [2, 3], 3]);
  const byPattern = ask(late.history, { channels: [], patterns: ['>'] });
  assert.deepEqual([byPattern.gaps, byPattern.items.map(({ number }) => number)], [[], [2, 3]]);
  // What its origin knew counts.
  const named = ask(late.history, { ids: [['a', '2']] });
  assert.deepEqual([named.missing, named.items.map(({ number }) => number)], [[], [3]]);
  late.store.clear('a', 2);
  const lost = ask(late.history, { channels: ['a', 'b'], patterns: ['*'] });
  assert.deepEqual([lost.gaps, lost.items, lost.head], [['a', patternKey('*')], [], 3]);
});

test('a new client for which there is no room, or of another epoch, is told of a gap', () => {
  for (const from of [null, { epoch: 'other', number: 1 }]) {
    const { history } = sharedHistory(() => from);
    const answer = ask(history, { channels: ['a', 'b'], patterns: ['x.*'] });
    assert.deepEqual([answer.gaps, answer.items], [['a', 'b', patternKey('x.*')], []]);
  }
});

test('a new client for which it is not known what a channel retains is told of a gap', (t) => {
  const { store } = historyOf(3);
  const history = new OwnHistory(store, () => new ChannelRules([rule('>', { retain: true })]), SOUND);
  t.mock.method(store, 'lastOf', (_channel: string, done: (item: undefined, head: number) => void) =>
    done(undefined, store.head),
  );
  const named = ask(history, {});
  assert.deepEqual([named.gaps, named.items, named.head], [['a'], [], 3]);
  assert.deepEqual(ask(history, { channels: [], patterns: ['*'] }).gaps, [patternKey('*')]);
});

test('what is stored while it is found out which channels a pattern matches is left to the next question', async () => {
  const { history, store } = historyOf(3);
  const { matching } = store;
  store.matching = (patterns, after, limit, done) =>
    matching.call(store, patterns, after, limit, (names) => {
      const bytes = encodeItem(event('new', 'x'));
      store.append([{ channel: 'new', bytes, keep: ALL }], () => done(names));
    });
  const question = { channels: [], patterns: ['>'], limitBytes: 65_536 };
  const first = ask(history, { ...question, after: { epoch: store.epoch, number: 1 } });
  assert.deepEqual([first.items.map(({ number }) => number), first.head, first.more], [[2, 3], 3, true]);
  const next = ask(history, { ...question, after: { epoch: store.epoch, number: first.head } });
  assert.deepEqual([next.items.map(({ channel }) => channel), next.head], [['new'], 4]);
});
