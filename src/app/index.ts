export { App } from './app.ts';
export { checkBroker } from './broker-access.ts';
export {
  type ConfigSource,
  type FileIssue,
  type LoadedConfig,
  type LoadedOverlay,
  ReloadError,
} from './config-source.ts';
export { examine } from './doctor/examine.ts';
export type { Finding } from './doctor/finding.ts';
export { explainUrl, type UrlDecision } from './explain-url.ts';
export { type FetchPlan, fetchPlans } from './fetch-plan.ts';
export { FetchRole, type FetchRoleOptions } from './fetch-role.ts';
export { LogFile } from './log-file.ts';
export { createLog, type LogLevel, type ProcessLog } from './logger.ts';
export { metricNames, metricsReference } from './metrics/metrics-reference.ts';
export { packageVersion } from './package-version.ts';
export { checkRouting } from './prepare-routing.ts';
export { changeText, type ReloadReport } from './reload-report.ts';
export type { Reloader } from './reloader.ts';
export type { ConfigOrigin } from './reloads.ts';
export { ServiceManager } from './service-manager.ts';
export { OldProcess } from './upgrade/old-process.ts';
export { takesClients } from './upgrade/proxy-hand-over.ts';
export { writeControlReference } from './write-control-reference.ts';
