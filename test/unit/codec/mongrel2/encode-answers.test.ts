import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAnswers, encodeControls, MAX_ANSWER_IDS, parseAnswer } from '../../../../src/codec/mongrel2/index.ts';

const IDS = Array.from({ length: 300 }, (_none, index) => index + 9_900);

test('an answer to more connections than one may name takes several messages', () => {
  const body = Buffer.from('for all');
  const answers = encodeAnswers('u', IDS, body).map((pieces) => parseAnswer(Buffer.concat(pieces), MAX_ANSWER_IDS));
  assert.deepEqual(
    answers.map(({ ids }) => ids.length),
    [128, 128, 44],
  );
  assert.deepEqual(
    answers.flatMap(({ ids }) => ids),
    IDS,
  );
  for (const answer of answers) assert.deepEqual(answer.body, body);
});

test('the body is not copied, and an empty one is no piece', () => {
  const body = Buffer.from('for all');
  for (const [, piece] of encodeAnswers('u', IDS, body)) assert.equal(piece, body);
  for (const pieces of encodeAnswers('u', IDS, Buffer.alloc(0))) assert.equal(pieces.length, 1);
});

test('no connection is no message', () => {
  assert.deepEqual(encodeAnswers('u', [], Buffer.from('x')), []);
});

test('an extended answer may ask for everything, and goes to as many connections', () => {
  const asked = { keepAlive: true, credits: 7, cancel: true };
  const answers = encodeControls('u', IDS, asked).map((pieces) => parseAnswer(Buffer.concat(pieces), MAX_ANSWER_IDS));
  assert.equal(answers.length, 3);
  for (const { control, body } of answers) assert.deepEqual([control, body.length], [asked, 0]);
});
