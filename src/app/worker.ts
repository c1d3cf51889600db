// The program of a worker process, which a `WorkerPool` of the main process starts.

import { Socket } from 'node:net';
import { onUnhandledFault } from '../clock/index.ts';
import { EdgeWorker } from './edge-worker.ts';
import { createLog } from './logger.ts';
import type { WorkerOrder, WorkerReport } from './worker-messages.ts';
import type { WorkerRole } from './worker-role.ts';

/** Milliseconds between two reports of the counters. */
const REPORT_INTERVAL = 1_000;

/** File descriptors from here on are the channels of the pool. */
const FIRST_CHANNEL = 4;

/** What a process can be, by `WorkerJob.role`. */
const ROLES = { edge: EdgeWorker };

let role: WorkerRole | null = null;

// The whole group gets the signals of the terminal and the service manager: the main process says when to stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Nothing works without the main process.
process.on('disconnect', () => process.exit(1));
process.on('message', (order: WorkerOrder) => {
  switch (order.order) {
    case 'start':
      void start(order);
      break;
    case 'drain':
      role?.drain();
      void role?.whenEmpty().then(() => tell({ report: 'empty' }));
      break;
    case 'stop':
      void stop();
  }
});

tell({ report: 'ready' });

async function start({ job }: WorkerOrder & { order: 'start' }): Promise<void> {
  try {
    const channels = job.relayed.map(
      (_, index) => new Socket({ fd: FIRST_CHANNEL + index, readable: true, writable: true }),
    );
    const log = createLog(job.logLevel);
    onUnhandledFault((thrown) => log.error({ stack: stackOf(thrown) }, 'unhandled fault'));
    process.on('uncaughtException', (error: unknown) => {
      log.error({ stack: stackOf(error) }, 'uncaught exception: the worker ends');
      process.exit(1);
    });
    const started = new ROLES[job.role](job, channels, log);
    const addresses = await started.start();
    role = started;
    setInterval(report, REPORT_INTERVAL).unref();
    tell({ report: 'listening', addresses });
  } catch (error) {
    endAfter({ report: 'failed', reason: error instanceof Error ? error.message : String(error) }, 1);
  }
}

async function stop(): Promise<void> {
  await role?.stop();
  endAfter({ report: 'counters', counters: role?.counters ?? {} }, 0);
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

function report(): void {
  if (role !== null) tell({ report: 'counters', counters: role.counters });
}

function tell(message: WorkerReport): void {
  process.send?.(message);
}

/** Ends the process once the last report has left. */
function endAfter(message: WorkerReport, code: number): void {
  process.send?.(message, () => process.exit(code));
}
