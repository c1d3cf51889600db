import { choice } from './section-fields.ts';

/** Levels of the log, by Pushpin's numbers. Higher numbers mean the last one. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/** One of the levels. */
export const logLevel = choice(LOG_LEVELS);
