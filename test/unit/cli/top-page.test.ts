import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ratesBetween } from '../../../src/cli/status-rates.ts';
import { topLine, topPage } from '../../../src/cli/top-page.ts';
import type { Status } from '../../../src/control/index.ts';
import { sampleStatus } from '../../support/control/sample-status.ts';

const SCREEN = { isTTY: true, columns: 100, rows: 40, colours: false };

/** The sample two seconds later, with this much more of everything. */
function later(more: number): Status {
  const status = sampleStatus();
  return {
    ...status,
    uptime: status.uptime + 2,
    delivery: {
      ...status.delivery,
      buckets: status.delivery.buckets.map(({ le, count }, i) => ({ le, count: count + (i === 0 ? 0 : more) })),
    },
    counters: {
      proxy: { itemsPublished: 10 + more, itemsDelivered: 20 + 2 * more, requests: more, connectionsOpen: 3 },
      edge: { server: { requests: more, connectionsOpen: 0, faults: 1 } },
      control: { requests: 1_000, connectionsOpen: 1 },
    },
  };
}

test('rates are those of clients, between two statuses of the same process', () => {
  const rates = ratesBetween(sampleStatus(), later(10));
  assert.deepEqual([rates?.requests, rates?.published, rates?.delivered], [10, 5, 10]);
  assert.deepEqual([rates?.p50?.toFixed(5), rates?.p99?.toFixed(5)], ['0.00550', '0.00991']);
  assert.equal(ratesBetween(sampleStatus(), later(0))?.p50, null);
  assert.equal(ratesBetween(sampleStatus(), sampleStatus()), null);
  assert.equal(ratesBetween(sampleStatus(), { ...later(1), started: '2026-02-02T03:04:05.000Z' }), null);
});

test('the page has all roles with clients, and says when the connection is lost', () => {
  const status = later(10);
  const state = { status, rates: ratesBetween(sampleStatus(), status), name: 'unix:/a\u001b[2J', lost: null };
  const page = topPage(state, SCREEN).join('\n');
  assert.match(page, /^holdfast 1\.0\.0 {2}ready {2}up 1 min 2 s {2}process 4711 {2}unix:\/a\\u001b\[2J$/m);
  assert.match(page, /^items +5\.0\/s published +10\.0\/s delivered/m);
  assert.match(page, /^proxy +3 +0 +10 +0 +0$/m);
  assert.match(page, /^edge +0 +0 +10 +0 +1$/m);
  assert.match(topPage({ ...state, lost: new Date(0) }, SCREEN)[0] ?? '', /no connection, trying again/);
});

test('the page tells of the process before while that has something to do', () => {
  const page = (state: NonNullable<Status['replaced']>['state']): string => {
    const status = { ...sampleStatus(), replaced: { pid: 12, state, moved: 1_234 } };
    return topPage({ status, rates: null, name: '', lost: null }, SCREEN).join('\n');
  };
  assert.match(page('giving'), /^upgrade +process 12 gives its connections: 1,234 so far$/m);
  assert.match(page('finishing'), /^upgrade +1,234 connections have moved from process 12, which finishes what/m);
  assert.doesNotMatch(page('ended'), /^upgrade/m);
});

test('a line has one value for each name, and a dash where there is none yet', () => {
  const line = topLine({ status: sampleStatus(), rates: null, name: '', lost: null }, new Date(0));
  assert.equal(
    line,
    '1970-01-01T00:00:00.000Z state=ready connections=3 held=2 channels=1 requests=- published=- delivered=- delivery_p99=- loop_p99=0.004000 rss=90000000',
  );
});
