import { keyOf, TokenVerifier } from '../codec/grip/index.ts';
import type { GripOptions } from './grip-options.ts';

/** Whether a request comes from a GRIP proxy, by its `Grip-Sig` (GRIP, "Proxy signature"). */
export class SignatureCheck {
  readonly #verifiers: readonly TokenVerifier[];
  readonly #issuer: string;

  /** @throws Error for a key that cannot be used; it never quotes the key */
  constructor({ key = [], issuer = '' }: GripOptions) {
    const keys = typeof key === 'string' || key instanceof Uint8Array ? [key] : key;
    this.#verifiers = keys.map((each) => new TokenVerifier(keyOf(each)));
    this.#issuer = issuer;
  }

  /** @returns whether there is a signature, and whether it is valid */
  async check(signature: string | undefined): Promise<{ readonly proxied: boolean; readonly signed: boolean }> {
    if (signature === undefined || signature === '') return { proxied: false, signed: false };
    if (this.#verifiers.length === 0) return { proxied: true, signed: false };
    for (const verifier of this.#verifiers) {
      if (await verifier.verifies(signature, this.#issuer)) return { proxied: true, signed: true };
    }
    return { proxied: false, signed: false };
  }
}
