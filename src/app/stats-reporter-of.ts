import type { Config } from '../config/index.ts';
import { StatsReporter, type StatsReporterOptions } from '../stats/index.ts';

/** The reporter of this process, with what `[stats]` says. */
export function statsReporter(
  { stats }: Config,
  means: Pick<StatsReporterOptions, 'hub' | 'counters' | 'routes' | 'routeIds' | 'blockSize' | 'log' | 'socket'>,
): StatsReporter {
  return new StatsReporter({ ...stats, ...means, from: `holdfast_${process.pid}` });
}
