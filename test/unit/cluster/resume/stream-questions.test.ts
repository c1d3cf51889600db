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

test('without an answer the process is asked again each 2 s, and is gone after 5 s', (t) => {
  const pass = manualClock(t);
  const { means, broker } = fakeMeans(t);
  const questions = new StreamQuestions(means);
  const asked = new Asked();
  questions.ask(asked, ID, 'v-1', 7);
  const counts: number[] = [broker.take().length];
  for (let second = 1; second < 5; second++) {
    pass(1);
    questions.check();
    counts.push(broker.take().length);
  }
  assert.deepEqual([counts, asked.answers], [[1, 0, 1, 0, 1], []]);
  pass(1);
  questions.check();
  assert.deepEqual([broker.take(), asked.answers], [[], [false]]);
});

test('an answer to any of these questions is told once', (t) => {
  const pass = manualClock(t);
  const { means, broker } = fakeMeans(t);
  const questions = new StreamQuestions(means);
  const asked = new Asked();
  questions.ask(asked, ID, 'v-1', 7);
  const [first] = broker.take();
  pass(2);
  questions.check();
  const [second] = broker.take();
  broker.send(second?.reply ?? '', '+');
  broker.send(first?.reply ?? '', '-');
  assert.deepEqual(asked.answers, [true]);
});

test('for 5 s from the start a process that nobody has heard of yet is asked again', (t) => {
  const pass = manualClock(t);
  const { means, broker } = fakeMeans(t);
  const questions = new StreamQuestions(means);
  const asked = new Asked();
  questions.ask(asked, ID, 'v-1', -1);
  for (let second = 1; second <= 5; second++) {
    broker.sendNobody(broker.take()[0]?.reply ?? '');
    assert.deepEqual(asked.answers, []);
    pass(1);
    questions.check();
  }
  broker.sendNobody(broker.take()[0]?.reply ?? '');
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
