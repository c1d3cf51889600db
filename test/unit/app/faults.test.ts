import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProcessTable } from '../../../src/app/metrics/process-table.ts';
import { PoolCounters, WorkerPool } from '../../../src/app/worker-pool.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { CounterRegistry, Counters } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function boom(): never {
  throw new Error('boom');
}

test('a pool replaces its processes whatever throws in the main process', async (t) => {
  const folder = temporaryFolder(t);
  const spec = `ipc://${join(folder, 'client')}`;
  const { edge, trace, accessLog } = loadConfig(
    `[edge]\nlisten = ["127.0.0.1:0"]\nzclient_connect = true\nzclient_stream = ["${spec}"]`,
    '',
  );
  const registry = new CounterRegistry();
  const reported: string[] = [];
  const counters = new Counters();
  const log = new FakeLog(false);
  let job = (): void => {};
  let onStarted = (): void => {};
  let onEnded = (): void => {};
  registry.report = (source) => {
    reported.push(source);
    // Each process reports once a second: the others are none of this test.
    if (reported.indexOf(source) === reported.length - 1) boom();
  };
  const pool = new WorkerPool({
    count: 1,
    channels: 0,
    listen: edge.listen.map(({ address }) => address),
    job: () => {
      job();
      return {
        role: 'edge',
        edge,
        trace,
        logLevel: 'error',
        logFile: null,
        accessLog,
        idPrefix: 'p',
        relayed: [],
        watched: false,
        certificates: {},
      };
    },
    whole: () => assert.fail('nothing is changed'),
    onStarted: () => onStarted(),
    onEnded: () => onEnded(),
    registry,
    watch: { processes: new ProcessTable(), poolCounters: new PoolCounters() },
    counters,
    log,
  });
  t.after(() => pool.stop());
  await pool.start();
  /** Waits until another process serves. */
  const served = async (processes: number) => {
    while (new Set(reported).size < processes) await turn();
  };
  await served(1);
  assert.equal(counters.faults, 1, 'a report that throws');

  registry.end = boom;
  const ended = new Promise<void>((resolve) => {
    onEnded = () => {
      resolve();
      boom();
    };
  });
  job = () => {
    job = () => {};
    onStarted = () => {
      onStarted = () => {};
      boom();
    };
    boom();
  };
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1');
  process.kill(Number.parseInt(children, 10), 'SIGKILL');
  await ended;
  // The first replacement finds no job, the second one is not taken note of, and the third one serves.
  await served(2);
  assert.equal(log.with('worker cannot be replaced yet').length, 2);
  // `registry.end` and `onEnded` for two processes, `onStarted`, and the first report of the last process.
  assert.equal(counters.faults, 1 + 4 + 1 + 1);
  assert.ok(log.of('internal error').every(({ detail }) => /boom/.test(String(detail))));
});
