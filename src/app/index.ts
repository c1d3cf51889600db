export { App } from './app.ts';
export { createLog, type LogLevel } from './logger.ts';
