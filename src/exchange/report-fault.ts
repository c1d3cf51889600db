import type { ExchangeError } from './errors.ts';
import { internalError } from './internal-error.ts';
import type { Log } from './log.ts';

/** Where a room reports its faults. */
export interface FaultReport {
  readonly counters: { faults: number };
  readonly log: Log;
}

/**
 * Counts and logs an exception, which is a defect of ours.
 * @param about fields of the record that say what the exception was about
 * @returns HF_INTERNAL for the one exchange or connection that it ends, with the stack as detail
 */
export function reportFault(
  { counters, log }: FaultReport,
  thrown: unknown,
  about: Record<string, unknown> = {},
): ExchangeError {
  const error = internalError(thrown);
  const { code, detail } = error;
  counters.faults++;
  log.error({ ...about, code, detail }, 'internal error');
  return error;
}
