import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JetStreamApiCodes, JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import { findStream } from '../../../src/cluster/find-stream.ts';

const WANTED = { name: 'items' };

/** A broker whose stream was deleted, and that has another one when it is asked for the second time, if `made` by another node. */
function brokerAfterDeletion(made: boolean) {
  const calls: string[] = [];
  const info = { created: 'now' } as StreamInfo;
  const streams = {
    info: async () => {
      calls.push('info');
      if (made && calls.length > 1) return info;
      throw new JetStreamApiError({ code: 404, err_code: JetStreamApiCodes.StreamNotFound, description: 'not found' });
    },
    add: async () => {
      calls.push('add');
      return info;
    },
  };
  return { manager: { streams } as unknown as JetStreamManager, calls, info };
}

test('a stream that was never there is made at once', async () => {
  const { manager, calls, info } = brokerAfterDeletion(false);
  assert.equal(await findStream(manager, WANTED, false), info);
  assert.deepEqual(calls, ['info', 'add']);
});

test('one that was there is looked for again before another one is made, as its files go later than its name', async () => {
  const { manager, calls } = brokerAfterDeletion(false);
  await findStream(manager, WANTED, true);
  assert.deepEqual(calls, ['info', 'info', 'add']);
});

test('none is made where another node has made one meanwhile', async () => {
  const { manager, calls, info } = brokerAfterDeletion(true);
  assert.equal(await findStream(manager, WANTED, true), info);
  assert.deepEqual(calls, ['info', 'info']);
});
