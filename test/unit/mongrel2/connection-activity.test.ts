import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawClient } from '../../../src/exchange/index.ts';
import { ConnectionActivity } from '../../../src/mongrel2/connection-activity.ts';
import { SETTINGS } from '../../support/mongrel2/site.ts';

function clientOf(bytesRead: number, bytesWritten: number): RawClient {
  return { bytesRead, bytesWritten } as RawClient;
}

test('requests and answers have their own time, other bytes that of the next look', () => {
  const activity = new ConnectionActivity(0);
  activity.onRead(3_000);
  activity.writtenAt = 4_000;
  activity.look(clientOf(100, 50), 10_000);
  assert.deepEqual([activity.pingAt, activity.readAt, activity.writtenAt], [3_000, 3_000, 4_000]);
  activity.look(clientOf(200, 90), 20_000);
  assert.deepEqual([activity.pingAt, activity.readAt, activity.writtenAt], [3_000, 20_000, 20_000]);
  activity.look(clientOf(200, 90), 30_000);
  assert.deepEqual([activity.readAt, activity.writtenAt], [20_000, 20_000]);
});

test('a rate is all bytes over the seconds since the last one', () => {
  const activity = new ConnectionActivity(0);
  const failed = (bytesRead: number, bytesWritten: number, now: number) => {
    activity.look(clientOf(bytesRead, bytesWritten), now);
    return activity.failedTests(SETTINGS);
  };
  assert.equal(failed(3_000, 3_000, 10_000), 0);
  assert.equal(failed(3_000, 3_000, 20_000), 0, '300 bytes a second');
  assert.equal(failed(3_000, 3_000, 20_001), 2, 'a little less of both');
  assert.equal(failed(3_000, 3_000, 120_001), 3);
  activity.pingAt = 100_000;
  assert.equal(failed(3_000, 3_000, 120_002), 2);
  assert.equal(activity.failedTests({ ...SETTINGS, minReadRate: 0, minWriteRate: 0 }), 0);
});
