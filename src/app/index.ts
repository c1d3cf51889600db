export { App } from './app.ts';
export { explainUrl, type UrlDecision } from './explain-url.ts';
export { type FetchPlan, fetchPlans } from './fetch-plan.ts';
export { FetchRole, type FetchRoleOptions } from './fetch-role.ts';
export { LogFile } from './log-file.ts';
export { createLog, type LogLevel, type ProcessLog } from './logger.ts';
export { metricNames, metricsReference } from './metrics/metrics-reference.ts';
export { packageVersion } from './package-version.ts';
export { checkRouting } from './prepare-routing.ts';
