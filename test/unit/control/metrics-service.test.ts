import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsService } from '../../../src/control/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { turn } from '../../support/manual-clock.ts';

test('All who ask for the metrics in one turn get one text, and later ones a new text', async () => {
  let made = 0;
  const service = metricsService(() => `text ${++made}\n`);
  const ask = (): string => {
    const requester = new FakeRequester(65_536);
    service(requestHead(), requester);
    assert.ok(requester.complete);
    return requester.body;
  };
  assert.deepEqual([ask(), ask(), ask()], ['text 1\n', 'text 1\n', 'text 1\n']);
  await turn();
  assert.deepEqual([ask(), ask()], ['text 2\n', 'text 2\n']);
});

test('A text that cannot be made fails its own request alone', async () => {
  let broken = true;
  const service = metricsService(() => {
    if (broken) throw new Error('defect');
    return 'text';
  });
  assert.throws(() => service(requestHead(), new FakeRequester(65_536)), /defect/);
  broken = false;
  const requester = new FakeRequester(65_536);
  service(requestHead(), requester);
  assert.equal(requester.body, 'text');
});
