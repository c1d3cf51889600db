import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routesBackend } from '../../../src/app/routes-backend.ts';
import { parseRouteLine } from '../../../src/config/index.ts';
import { Histogram } from '../../../src/exchange/index.ts';

const hub = { holds: 0, channels: 0, undelivered: 0, backlogs: 0, publishers: 0, latency: new Histogram() };

test('what looks at all routes is asked for once, however many routes there are', async () => {
  const routes = Array.from({ length: 250 }, (_, i) => parseRouteLine(`h${i}.example,id=r${i} localhost:1`));
  const asked = { metrics: 0, sources: 0 };
  const { list } = routesBackend({
    routes: () => routes,
    metrics: () => {
      asked.metrics++;
      return { hub, routes: [], targets: [], timers: 0 };
    },
    sourceOf: () => {
      asked.sources++;
      return (route) => (route.id === 'r249' ? 'overlay' : 'file');
    },
  });
  const listed = await list();
  assert.deepEqual(asked, { metrics: 1, sources: 1 });
  assert.equal(listed.length, 250);
  assert.deepEqual([listed[0]?.source, listed[249]?.source], ['file', 'overlay']);
});
