export { App } from './app.ts';
export { createLog, type LogLevel } from './logger.ts';
export { prepareRouting, type Routing } from './prepare-routing.ts';
