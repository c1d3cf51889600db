import { createPublicKey } from 'node:crypto';
import { jwtVerify } from 'jose';
import { fieldValue } from '../codec/fields/index.ts';
import type { RequestHead } from '../exchange/index.ts';
import { algorithmOf } from './grip-signer.ts';

/** Tells requests that another GRIP proxy in front has signed from those of ordinary clients. */
export class UpstreamTrust {
  readonly #key: Parameters<typeof jwtVerify>[1];
  readonly #algorithm: string;

  /**
   * @param key bytes of a shared secret, or a public (or private) key in PEM
   * @throws Error when the key cannot be used
   */
  constructor(key: Buffer | string) {
    if (typeof key === 'string') {
      const publicKey = createPublicKey(key);
      this.#key = publicKey;
      this.#algorithm = algorithmOf(publicKey);
    } else {
      this.#key = key;
      this.#algorithm = 'HS256';
    }
  }

  /** Whether there is a signature to look at: most requests need no waiting. */
  mayTrust(request: RequestHead): boolean {
    return fieldValue(request.headers, 'grip-sig') !== undefined;
  }

  /** Whether `Grip-Sig` is valid and not expired; the issuer does not matter. */
  async trusts(request: RequestHead): Promise<boolean> {
    const signature = fieldValue(request.headers, 'grip-sig') ?? '';
    try {
      await jwtVerify(signature, this.#key, { algorithms: [this.#algorithm], requiredClaims: ['exp'] });
      return true;
    } catch {
      return false;
    }
  }
}
