import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Column } from './rounds.ts';

/** Unit of the times in /proc/PID/stat (USER_HZ): 1/100 s on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time in seconds. */
export interface CpuTime {
  readonly user: number;
  /** What the kernel did for it. */
  readonly kernel: number;
}

/**
 * CPU time that a process and its descendants have used so far, in steps of 0.01 s. Threads are included, and so are children that
 * ended and were waited for.
 */
export function cpuTime(pid: number | readonly number[]): CpuTime {
  return timeOf([pid].flat().flatMap(processTree));
}

/** The same for a process without its descendants, in seconds. */
export function ownCpuSeconds(pid: number): number {
  const { user, kernel } = timeOf([pid]);
  return user + kernel;
}

function timeOf(members: readonly number[]): CpuTime {
  let user = 0;
  let kernel = 0;
  for (const member of members) {
    const stat = readFileSync(`/proc/${member}/stat`, 'latin1');
    // proc_pid_stat(5): the second field is a name in parentheses that may hold spaces, so fields are counted from behind
    // it. utime, stime, cutime and cstime are the 14th to the 17th of all, the 12th to the 15th of these.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number) as [number, number, number, number];
    user += utime + cutime;
    kernel += stime + cstime;
  }
  return { user: user / TICKS_PER_SECOND, kernel: kernel / TICKS_PER_SECOND };
}

/** Resident memory in bytes of a process and its descendants. A page that two of them share counts twice. */
export function residentBytes(pid: number): number {
  let kilobytes = 0;
  for (const member of processTree(pid)) {
    // Counted page by page: VmRSS in /proc/PID/status may lag behind by some pages a thread.
    const rollup = readFileSync(`/proc/${member}/smaps_rollup`, 'latin1');
    kilobytes += Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]);
  }
  return kilobytes * 1024;
}

/** Forgets how much memory a process and its descendants have had resident at most, so that it is counted from now on. */
export function resetPeak(pid: number): void {
  // proc(5), clear_refs: 5 resets the peak.
  for (const member of processTree(pid)) writeFileSync(`/proc/${member}/clear_refs`, '5');
}

/** The most that was resident since `resetPeak`, in bytes: the sum of the peaks of a process and its descendants. */
export function peakResidentBytes(pid: number): number {
  let kilobytes = 0;
  for (const member of processTree(pid)) {
    kilobytes += Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${member}/status`, 'latin1'))?.[1]);
  }
  return kilobytes * 1024;
}

function processTree(pid: number): number[] {
  const members = [pid];
  for (const member of members) {
    for (const thread of readdirSync(`/proc/${member}/task`)) {
      const children = readFileSync(`/proc/${member}/task/${thread}/children`, 'latin1').trim();
      if (children !== '') members.push(...children.split(' ').map(Number));
    }
  }
  return members;
}

/** What a process used while some work went on. */
export interface Window<T> {
  readonly result: T;
  /** User and kernel time together. */
  readonly cpuSeconds: number;
  readonly userSeconds: number;
  readonly kernelSeconds: number;
  readonly wallSeconds: number;
}

/**
 * Runs `work` and measures what the process and its descendants use meanwhile. `work` should take seconds.
 * @param pid one or several, whose times are added
 */
export async function measureCpu<T>(pid: number | readonly number[], work: () => Promise<T>): Promise<Window<T>> {
  const before = cpuTime(pid);
  const wallBefore = performance.now();
  const result = await work();
  const after = cpuTime(pid);
  const userSeconds = after.user - before.user;
  const kernelSeconds = after.kernel - before.kernel;
  return {
    result,
    cpuSeconds: userSeconds + kernelSeconds,
    userSeconds,
    kernelSeconds,
    wallSeconds: (performance.now() - wallBefore) / 1000,
  };
}

/** How much of one core was in use. */
export const BUSY_COLUMN: Column = { key: 'busy', title: 'core used %', digits: 0 };

/** The columns that `cpuFigures` fills. @param unit what the CPU time is divided by */
export function cpuColumns(unit: string): Column[] {
  return [
    { key: 'cpu', title: `CPU µs/${unit}`, digits: 2 },
    { key: 'user', title: 'user', digits: 2 },
    { key: 'kernel', title: 'kernel', digits: 2 },
    { key: 'warm', title: 'warm-up', digits: 2 },
  ];
}

/** What a unit of work took in the window that counts, in microseconds, and in the warm-up before it. */
export function cpuFigures(
  counted: Window<unknown>,
  units: number,
  warmUp: Window<unknown>,
  warmUpUnits: number,
): Record<'cpu' | 'user' | 'kernel' | 'warm', number> {
  return {
    cpu: (counted.cpuSeconds / units) * 1e6,
    user: (counted.userSeconds / units) * 1e6,
    kernel: (counted.kernelSeconds / units) * 1e6,
    warm: (warmUp.cpuSeconds / warmUpUnits) * 1e6,
  };
}
