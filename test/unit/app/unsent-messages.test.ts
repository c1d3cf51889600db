import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnsentMessages } from '../../../src/app/unsent-messages.ts';

test('each message is told of once: when it leaves, or when nothing leaves any more', () => {
  const told: string[] = [];
  const unsent = new UnsentMessages();
  const [first, second] = ['a', 'b'].map((name) =>
    unsent.add((error) => told.push(`${name} ${error?.message ?? 'left'}`)),
  );
  first?.(null);
  unsent.fail();
  first?.(null);
  second?.(null);
  assert.deepEqual(told, ['a left', 'b the other process has ended']);
});
