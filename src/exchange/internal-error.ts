import { ExchangeError } from './errors.ts';

/** Turns an exception, which is a defect of ours, into HF_INTERNAL, with the stack for the log. */
export function internalError(thrown: unknown): ExchangeError {
  if (thrown instanceof ExchangeError) return thrown;
  return new ExchangeError('HF_INTERNAL', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
}
