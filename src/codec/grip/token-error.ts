import { errors } from 'jose';
import { InputError } from '../input-error/index.ts';

/** Why a token lets nobody pass: it is `unknown-key` where no key of a set is the one that it names, `no-keys` where there are none yet. */
export type TokenProblem = 'invalid' | 'expired' | 'unknown-key' | 'no-keys';

/** A token that is not valid, or that cannot be verified. */
export class TokenError extends InputError {
  override readonly name = 'TokenError';
  readonly problem: TokenProblem;

  /** @param message for the log; it does not quote the token */
  constructor(problem: TokenProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** What jose threw, as a `TokenError`. */
export function tokenError(thrown: unknown): TokenError {
  if (thrown instanceof TokenError) return thrown;
  if (thrown instanceof errors.JWTExpired) return new TokenError('expired', 'the token has expired');
  if (thrown instanceof errors.JWKSNoMatchingKey)
    return new TokenError('unknown-key', 'no key of the set is that of the token');
  return new TokenError(
    'invalid',
    `the token is not valid: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  );
}
