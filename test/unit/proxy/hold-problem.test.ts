import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Permit } from '../../../src/proxy/guard/permit.ts';
import { holdProblem } from '../../../src/proxy/hold-problem.ts';

const permit = (...channels: string[]) => new Permit([], 0, channels);

function problemOf(given: Permit | null, prefix: string, ...names: string[]): string | null {
  const problem = holdProblem(
    given,
    prefix,
    names.map((name) => ({ name })),
  );
  return problem && `${problem.code}: ${problem.detail}`;
}

function patternProblemOf(given: Permit | null, prefix: string, name: string): string | null {
  const problem = holdProblem(given, prefix, [{ name: 'a' }, { name, pattern: true }]);
  return problem && `${problem.code}: ${problem.detail}`;
}

test('the first channel that is not permitted is named as publishers name it', () => {
  assert.equal(problemOf(null, 'p-', 'a', 'b'), null);
  assert.equal(problemOf(permit('p-*'), 'p-', 'a', 'b'), null);
  assert.equal(
    problemOf(permit('p-a'), 'p-', 'a', 'b'),
    'HF_CHANNEL_FORBIDDEN: the token does not permit the channel p-b',
  );
});

test('a token has to permit all that a pattern may match', () => {
  assert.equal(patternProblemOf(permit('p.*'), 'p.', 'orders.>'), null);
  assert.equal(patternProblemOf(permit('p.a', 'p.orders.*'), 'p.', 'orders.*'), null);
  assert.equal(
    patternProblemOf(permit('p.a', 'p.orders.eu'), 'p.', 'orders.*'),
    'HF_CHANNEL_FORBIDDEN: the token does not permit the pattern p.orders.*',
  );
});

test('a prefix stays literal in front of a pattern', () => {
  const problem = (prefix: string, pattern: string) => patternProblemOf(null, prefix, pattern);
  assert.equal(problem('', 'a.*'), null);
  assert.equal(problem('shop.eu.', '>'), null);
  assert.equal(
    problem('shop-', '*'),
    "HF_GRIP_INVALID: the pattern '*' is invalid: the prefix 'shop-' of the route does not end in '.'",
  );
  assert.equal(
    problem('*.', 'a'),
    "HF_GRIP_INVALID: the pattern 'a' is invalid: the prefix '*.' of the route has a '*' of its own",
  );
  assert.match(problem('a.>.', 'b') ?? '', /has a '>' of its own/);
  assert.equal(problem('a..', 'b.*'), "HF_GRIP_INVALID: the pattern 'b.*' is invalid: it has an empty token");
  assert.equal(problem('$sys.', '>'), "HF_GRIP_INVALID: the pattern '>' is invalid: it begins with '$'");
  assert.equal(problem('a.', '$b.*'), null, 'only what a whole name begins with counts');
});

test('the queue of a webhook is for nobody', () => {
  assert.equal(problemOf(null, '', 'a', '$webhook.x'), "HF_GRIP_INVALID: the channel '$webhook.x' is of the server");
});

test('a token that permits a channel does not permit to see who is there', () => {
  assert.equal(
    problemOf(permit('app.room'), 'app.', 'room', '$presence.room'),
    'HF_CHANNEL_FORBIDDEN: the token does not permit the channel $presence.app.room',
  );
  assert.equal(problemOf(permit('$presence.app.*'), 'app.', '$presence.room'), null);
});
