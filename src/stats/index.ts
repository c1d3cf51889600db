export { StatsPublisher } from './stats-publisher.ts';
export { StatsReporter, type StatsReporterOptions } from './stats-reporter.ts';
