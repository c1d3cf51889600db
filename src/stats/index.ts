export { StatsPublisher } from './stats-publisher.ts';
export { StatsReporter } from './stats-reporter.ts';
