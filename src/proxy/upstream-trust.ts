import { fieldValue } from '../codec/fields/index.ts';
import { TokenVerifier } from '../codec/grip/index.ts';
import type { RequestHead } from '../exchange/index.ts';

/** Tells requests that another GRIP proxy in front has signed from those of ordinary clients. */
export class UpstreamTrust {
  readonly #verifier: TokenVerifier;

  /**
   * @param key bytes of a shared secret, or a public (or private) key in PEM
   * @throws Error when the key cannot be used
   */
  constructor(key: Buffer | string) {
    this.#verifier = new TokenVerifier(key);
  }

  /** Whether there is a signature to look at: most requests need no waiting. */
  mayTrust(request: RequestHead): boolean {
    return fieldValue(request.headers, 'grip-sig') !== undefined;
  }

  /** Whether `Grip-Sig` is valid and not expired; the issuer does not matter. */
  trusts(request: RequestHead): Promise<boolean> {
    return this.#verifier.verifies(fieldValue(request.headers, 'grip-sig') ?? '');
  }
}
