// The program of a worker process, which a `WorkerPool` of the main process starts.

import type { SendHandle } from 'node:child_process';
import { Socket } from 'node:net';
import { onUnhandledFault } from '../clock/index.ts';
import { stackOf, systemErrorText } from '../exchange/index.ts';
import { listeningSockets } from '../net/index.ts';
import { AccessLogs } from './access-logs.ts';
import type { PreparedCertificates } from './certificates.ts';
import { type ChangePart, decodeValue } from './change-parts.ts';
import { DescriptorWatch } from './descriptor-watch.ts';
import { EdgeWorker } from './edge-worker.ts';
import { LogFile } from './log-file.ts';
import { createLog, type ProcessLog } from './logger.ts';
import { ProcessMonitor } from './metrics/process-monitor.ts';
import { Observers } from './observers.ts';
import { ProxyWorker } from './proxy-worker.ts';
import type { SocketHandle } from './upgrade/upgrade-channel.ts';
import type { MovingReport } from './upgrade/upgrade-messages.ts';
import { FIRST_CHANNEL, type WorkerJob, type WorkerOrder, type WorkerReport } from './worker-messages.ts';
import type { WorkerRole } from './worker-role.ts';

/** Milliseconds between two reports of the counters. */
const REPORT_INTERVAL = 1_000;

/** Milliseconds between two looks whether the main process is there, from when clients have begun to move. */
const LOOK_INTERVAL = 100;

let role: WorkerRole | null = null;
let logFile: LogFile | null = null;
let log: ProcessLog | null = null;
let accessLog: AccessLogs | null = null;
let monitor: ProcessMonitor | null = null;
/** A change that is on its way, and once it is prepared. */
let parts: ChangePart[] = [];
let prepared: PreparedCertificates | null = null;
let looksAtMain = false;

// The whole group gets the signals of the terminal and the service manager: the main process says when to stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => {});
// Nothing works without the main process. Node does not tell of its end while the handle of a socket is on its way there.
process.on('disconnect', exitWithMain);
process.on('message', (order: WorkerOrder, handle: SocketHandle | undefined) => {
  switch (order.order) {
    case 'start':
      void start(order);
      break;
    case 'part':
      parts.push(decodeValue(order.part));
      tell({ report: 'taken' });
      break;
    case 'prepare':
      void prepareChange();
      break;
    case 'commit':
      prepared?.commit();
      forgetChange();
      break;
    case 'discard':
      prepared?.discard();
      forgetChange();
      break;
    case 'reopen log':
      reopenLog();
      break;
    case 'ask':
      void answer(order);
      break;
    case 'move':
      lookAtMain();
      role?.move?.(order.message, handle);
      break;
    case 'retire':
      role?.retire();
      void role?.whenEmpty().then(() => tell({ report: 'empty' }));
      break;
    case 'dismiss':
      role?.dismiss(order.time);
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

async function start({ job, listening }: WorkerOrder & { order: 'start' }): Promise<void> {
  try {
    listeningSockets.accept(listening);
    const channels = job.relayed.map(
      (_, index) => new Socket({ fd: FIRST_CHANNEL + index, readable: true, writable: true }),
    );
    logFile = job.logFile === null ? null : new LogFile(job.logFile);
    const ownLog = createLog(job.logLevel, logFile);
    log = ownLog;
    onUnhandledFault((thrown) => ownLog.error({ stack: stackOf(thrown) }, 'unhandled fault'));
    process.on('uncaughtException', (error: unknown) => {
      ownLog.error({ stack: stackOf(error) }, 'uncaught exception: the worker ends');
      process.exit(1);
    });
    accessLog = new AccessLogs(new Observers(), ownLog);
    accessLog.prepare(job.accessLog).commit();
    const started = newRole(job, channels, ownLog, accessLog);
    const addresses = await started.start();
    role = started;
    if (job.watched) {
      monitor = new ProcessMonitor();
      monitor.start();
    }
    new DescriptorWatch(ownLog).start();
    setInterval(report, REPORT_INTERVAL).unref();
    tell({ report: 'listening', addresses });
  } catch (error) {
    endAfter({ report: 'failed', reason: error instanceof Error ? error.message : String(error) }, 1);
  }
}

function newRole(job: WorkerJob, channels: readonly Socket[], log: ProcessLog, lines: AccessLogs): WorkerRole {
  return job.role === 'edge'
    ? new EdgeWorker(job, channels, log, lines)
    : new ProxyWorker(job, channels, log, lines, tellMoving);
}

async function answer({ number, question }: WorkerOrder & { order: 'ask' }): Promise<void> {
  try {
    tell({ report: 'answer', number, value: (await role?.clients?.answer(question)) ?? null });
  } catch (error) {
    log?.error({ stack: stackOf(error) }, 'internal error');
    tell({ report: 'answer', number, value: null });
  }
}

/** The main process asks for nothing else before it has the answer. */
async function prepareChange(): Promise<void> {
  try {
    prepared = (await role?.prepareChange(parts)) ?? null;
    tell({ report: 'prepared', problem: null, certificates: prepared?.changes ?? [] });
  } catch (error) {
    tell({ report: 'prepared', problem: error instanceof Error ? error.message : String(error), certificates: [] });
  }
}

function forgetChange(): void {
  parts = [];
  prepared = null;
}

function reopenLog(): void {
  accessLog?.reopen();
  try {
    logFile?.reopen();
  } catch (error) {
    log?.error({ reason: systemErrorText(error) }, 'cannot reopen the log file');
  }
}

async function stop(): Promise<void> {
  await role?.stop();
  accessLog?.close();
  endAfter(countersReport(), 0);
}

function report(): void {
  if (role !== null) tell(countersReport());
}

function countersReport(): WorkerReport {
  const metrics = role?.metrics;
  return {
    report: 'counters',
    counters: role?.counters ?? {},
    ...(metrics !== undefined && { metrics }),
    ...(monitor !== null && { process: monitor.report }),
  };
}

function tell(message: WorkerReport): void {
  exitWithMain();
  process.send?.(message);
}

function lookAtMain(): void {
  if (!looksAtMain) setInterval(exitWithMain, LOOK_INTERVAL).unref();
  looksAtMain = true;
}

function exitWithMain(): void {
  if (!process.connected) process.exit(1);
}

/** @param onSent is called when it has left, or cannot leave: then this process ends, too */
function tellMoving(message: MovingReport, handle?: SocketHandle, onSent: () => void = () => {}): void {
  const report: WorkerReport = { report: 'move', message };
  process.send?.(report, handle as SendHandle | undefined, {}, onSent);
}

/** Ends the process once the last report has left. */
function endAfter(message: WorkerReport, code: number): void {
  process.send?.(message, () => process.exit(code));
}
