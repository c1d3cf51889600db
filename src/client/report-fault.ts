import { type Counters, type ExchangeError, internalError, type Log } from '../exchange/index.ts';

/** Counts and logs an exception, which is a defect of ours. Returns HF_INTERNAL for the one exchange that it ends. */
export function reportFault(
  context: { readonly counters: Counters; readonly log: Log },
  origin: string,
  thrown: unknown,
): ExchangeError {
  const error = internalError(thrown);
  const { code, detail } = error;
  context.counters.faults++;
  context.log.error({ origin, code, detail }, 'internal error');
  return error;
}
