import { ExchangeError } from './errors.ts';

/** What a client is told of an exception that is a defect of ours: HF_INTERNAL, with the stack for the log. */
export function internalError(thrown: unknown): ExchangeError {
  if (thrown instanceof ExchangeError) return thrown;
  return new ExchangeError('HF_INTERNAL', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
}
