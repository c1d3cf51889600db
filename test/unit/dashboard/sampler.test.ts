import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status } from '../../../dashboard/src/api/types.ts';
import { Sampler } from '../../../dashboard/src/live/sampler.ts';
import { statuses } from '../../support/dashboard/dashboard-data.ts';

const BASE = statuses()();

/** A status of a process that has run for so long. */
function at(uptime: number, changes: Partial<Status>): Status {
  return { ...BASE, uptime, ...changes };
}

test('rates are differences of totals over the time of the server', () => {
  const sampler = new Sampler();
  const first = sampler.sample(
    at(10, {
      counters: {
        proxy: { requests: 100, itemsPublished: 5, itemsDelivered: 50 },
        edge: { server: { requests: 7 } },
        mongrel2: { server: { requests: 1 } },
      },
    }),
  );
  assert.deepEqual([first.requests, first.published, first.delivered], [null, null, null]);
  const second = sampler.sample(
    at(12, {
      counters: {
        proxy: { requests: 110, itemsPublished: 6, itemsDelivered: 150 },
        edge: { server: { requests: 17 } },
        mongrel2: { server: { requests: 5 } },
      },
    }),
  );
  assert.deepEqual([second.requests, second.published, second.delivered], [12, 0.5, 50]);
});

test('roles that do not run count nothing', () => {
  const sampler = new Sampler();
  sampler.sample(at(1, { counters: {} }));
  assert.equal(sampler.sample(at(2, { counters: { control: { requests: 9 } } })).requests, 0);
});

test('the totals of another process are no rate', () => {
  const sampler = new Sampler();
  sampler.sample(at(10, { pid: 1, counters: { proxy: { requests: 100 } } }));
  assert.equal(sampler.sample(at(1, { pid: 2, counters: { proxy: { requests: 500 } } })).requests, null);
  assert.equal(sampler.sample(at(2, { pid: 2, counters: { proxy: { requests: 501 } } })).requests, 1);
});

test('two statuses of the same moment give no rate', () => {
  const sampler = new Sampler();
  sampler.sample(at(10, {}));
  assert.equal(sampler.sample(at(10, {})).requests, null);
});

function delivery(...counts: readonly [number, number, number]): Status['delivery'] {
  const [first, second, all] = counts;
  const buckets = [
    { le: 1, count: first },
    { le: 3, count: second },
    { le: null, count: all },
  ];
  return { buckets, sum: 0, count: all };
}

test('latencies are those of the deliveries since some seconds ago', () => {
  const sampler = new Sampler();
  assert.equal(sampler.sample(at(1, { delivery: delivery(1_000, 1_000, 1_000) })).latencyP50, null);
  const second = sampler.sample(at(2, { delivery: delivery(1_000, 1_010, 1_010) }));
  assert.equal(second.latencyP50, 2);
  for (let i = 3; i <= 12; i++) sampler.sample(at(i, { delivery: delivery(1_000, 1_010, 1_010) }));
  const later = sampler.sample(at(13, { delivery: delivery(1_000, 1_010, 1_010) }));
  assert.deepEqual([later.latencyP50, later.latencyP99], [null, null]);
});
