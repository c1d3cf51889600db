import { ExchangeError } from './errors.ts';
import { stackOf } from './stack-of.ts';

/** Turns an exception, which is a defect of ours, into HF_INTERNAL, with the stack for the log. */
export function internalError(thrown: unknown): ExchangeError {
  if (thrown instanceof ExchangeError) return thrown;
  return new ExchangeError('HF_INTERNAL', stackOf(thrown));
}
