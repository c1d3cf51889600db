import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamRules } from '../../../../src/cluster/store/stream-rules.ts';

test('the stream is told of rules one after the other, and what is appended meanwhile waits', async () => {
  const calls: string[] = [];
  const answers: (() => void)[] = [];
  const rules = new StreamRules({
    stream: {
      setRules: (text) => {
        calls.push(`tell ${text}`);
        return new Promise((resolve) => answers.push(resolve));
      },
    },
    appends: {
      hold: () => {
        calls.push('hold');
        return () => calls.push('release');
      },
    },
    answers: { orElse: (answer) => answer },
    forget: () => calls.push('forget'),
  });
  const limits = { items: 1, age: 1, bytes: 1 };
  assert.equal(rules.limitsOf('c'), null);
  const first = rules.set('one', () => null);
  const second = rules.set('two', () => limits);
  // They apply here at once.
  assert.equal(rules.limitsOf('c'), limits);
  await Promise.resolve();
  assert.deepEqual(calls.splice(0), ['forget', 'hold', 'forget', 'hold', 'tell one']);
  answers.shift()?.();
  await first;
  await Promise.resolve();
  assert.deepEqual(calls.splice(0), ['forget', 'release', 'tell two']);
  answers.shift()?.();
  await second;
  assert.deepEqual(calls, ['forget', 'release']);
  assert.equal(rules.told, second);
});
