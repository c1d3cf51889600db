import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encodeItem, type PublishItem } from '../../../src/codec/grip/index.ts';
import { MemoryStore } from '../../../src/history/index.ts';
import { ChannelRules, type HistoryAnswer, type HistoryQuestion, OwnHistory } from '../../../src/hub/index.ts';
import { SHARED_BYTES, SharedAnswers } from '../../../src/hub/shared-answers.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { FakeTimers } from '../../support/fake-timers.ts';
import { ALL } from '../../support/history/history-model.ts';
import { event, QUESTION, rule, SOUND } from './history-rig.ts';

function history(t: TestContext): {
  store: MemoryStore;
  append: (...items: readonly PublishItem[]) => void;
  ask: (question: Partial<HistoryQuestion>) => HistoryAnswer;
} {
  const store = new MemoryStore({ maxBytes: 1_048_576, log: new FakeLog(), now: () => 1_000 });
  t.after(() => store.stop());
  const rules = new ChannelRules([rule('>')]);
  const own = new OwnHistory(store, () => rules, SOUND);
  const append = (...items: readonly PublishItem[]): void =>
    store.append(
      items.map((item) => ({ channel: item.channel, bytes: encodeItem(item), keep: ALL })),
      () => undefined,
    );
  const ask = (question: Partial<HistoryQuestion>): HistoryAnswer => {
    const answers: HistoryAnswer[] = [];
    const after = { epoch: store.epoch, number: 0 };
    own.ask({ ...QUESTION, channels: ['a'], after, ...question }, (answer) => answers.push(answer));
    assert.equal(answers.length, 1);
    return answers[0] as HistoryAnswer;
  };
  return { store, append, ask };
}

function numbers({ items }: HistoryAnswer): readonly (number | undefined)[] {
  return items.map(({ number }) => number);
}

test('those who ask the same get the same answer', (t) => {
  const { append, ask, store } = history(t);
  append(event('a', '1'), event('b', '2'), event('a', '3'));
  const answer = ask({});
  assert.deepEqual(numbers(answer), [1, 3]);
  assert.equal(ask({}), answer);
  assert.deepEqual(numbers(ask({ after: { epoch: store.epoch, number: 1 } })), [3]);
  assert.deepEqual(numbers(ask({ channels: ['a', 'b'] })), [1, 2, 3]);
  assert.deepEqual(numbers(ask({ limitBytes: 1 })), [1]);
  assert.deepEqual(ask({ after: { epoch: 'other', number: 0 } }).gaps, ['a']);
});

test('names of channels are not taken for others', (t) => {
  const { append, ask } = history(t);
  append(event('a","b', '1'), event('a', '2'), event('b', '3'));
  assert.deepEqual(numbers(ask({ channels: ['a","b'] })), [1]);
  assert.deepEqual(numbers(ask({ channels: ['a', 'b'] })), [2, 3]);
});

test('an answer does not hold any more when an item is added, or let go', (t) => {
  const { store, append, ask } = history(t);
  append(event('a', '1'));
  assert.deepEqual(numbers(ask({})), [1]);
  append(event('a', '2'));
  assert.deepEqual(numbers(ask({})), [1, 2]);
  store.trim('a', { ...ALL, items: 1 });
  assert.deepEqual(ask({}).gaps, ['a']);
  assert.deepEqual(numbers(ask({ after: { epoch: store.epoch, number: 1 } })), [2]);
  store.clear('a');
  assert.deepEqual(ask({ after: { epoch: store.epoch, number: 1 } }).gaps, ['a']);
});

test('an answer that comes later does not make those of before hold again', (t) => {
  const { store, append } = history(t);
  append(event('a', '1'), event('b', '2'));
  const shared = new SharedAnswers<string>(store, SOUND);
  shared.set('one', 'of before', 0);
  assert.equal(shared.get('one'), 'of before');
  store.clear('a');
  shared.set('other', 'of now', 0);
  assert.deepEqual([shared.get('one'), shared.get('other')], [undefined, 'of now']);
});

test('an item that is of use for a time only is looked at for each', (t) => {
  const { append, ask } = history(t);
  const extras = { repeatKey: null, version: null, ttl: 1, expires: Date.now() + 3_600_000 };
  append(event('a', '1', { extras }));
  assert.deepEqual(numbers(ask({})), [1]);
  const now = Date.now();
  t.mock.method(Date, 'now', () => now + 7_200_000);
  assert.deepEqual(numbers(ask({})), []);
});

test('so many bytes of answers are kept, and for a moment', (t) => {
  const timers = new FakeTimers(t, ['setInterval'], 0);
  const { append, ask } = history(t);
  const size = 100_000;
  append(event('a', 'x'.repeat(size)));
  const most = Math.floor(SHARED_BYTES / size);
  const answers = Array.from({ length: most + 1 }, (_, i) => ask({ limitBytes: 1_000 + i }));
  const shared = (): number => answers.filter((answer, i) => ask({ limitBytes: 1_000 + i }) === answer).length;
  const count = shared();
  assert.ok(count <= most && count >= most - 1, `${count} answers are shared`);
  timers.tick(100);
  assert.equal(shared(), 0);
});
