import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamQuestions } from '../../../../src/cluster/resume/stream-questions.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { fakeMeans } from './fake-means.ts';

const ID = `01234567${'a'.repeat(22)}`;

/** Keeps what it is told. */
class Asked {
  readonly answers: boolean[] = [];

  onAnswer(live: boolean): void {
    this.answers.push(live);
  }

  onFault(thrown: unknown): void {
    throw thrown;
  }
}

test('the process that the id names is asked, and its answer told once', (t) => {
  const { means, broker } = fakeMeans(t);
  const questions = new StreamQuestions(means);
  const [one, other] = [new Asked(), new Asked()];
  questions.ask(one, ID, 'v-1', 7);
  questions.ask(other, ID, 'v-2', -1);
  const [first, second] = broker.take();
  assert.deepEqual([first?.subject, first?.data.toString()], ['test.n.s.01234567', `v-1 ${ID} 7`]);
  broker.send(first?.reply ?? '', '+');
  broker.send(first?.reply ?? '', '-');
  broker.send(second?.reply ?? '', '-');
  assert.deepEqual([one.answers, other.answers], [[true], [false]]);
});

test('without an answer the process is gone after 5 s', (t) => {
  const pass = manualClock(t);
  const { means } = fakeMeans(t);
  const questions = new StreamQuestions(means);
  const asked = new Asked();
  questions.ask(asked, ID, 'v-1', 7);
  pass(4);
  questions.check();
  assert.deepEqual(asked.answers, []);
  pass(1);
  questions.check();
  assert.deepEqual(asked.answers, [false]);
});

test('what was asked before the broker went away is asked again when it is back, and has its full time', (t) => {
  const pass = manualClock(t);
  const { means, broker } = fakeMeans(t);
  const questions = new StreamQuestions(means);
  const [before, meanwhile] = [new Asked(), new Asked()];
  questions.ask(before, ID, 'v-1', 7);
  broker.take();
  broker.up = false;
  questions.ask(meanwhile, ID, 'v-2', 7);
  pass(60);
  broker.up = true;
  questions.onUp();
  questions.check();
  assert.deepEqual([before.answers, meanwhile.answers], [[], []]);
  const published = broker.take();
  assert.equal(published.length, 2);
  for (const { reply } of published) broker.send(reply, '+');
  assert.deepEqual([before.answers, meanwhile.answers], [[true], [true]]);
});
