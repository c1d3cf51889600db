import type { SecureContext } from 'node:tls';
import type { TlsIdentities } from '../net/index.ts';

/** Certificates of a folder, in front of them those that the server has ordered by itself, and first of all those that it was given. */
export class LayeredIdentities {
  readonly #ordered: TlsIdentities;
  readonly #own: TlsIdentities;

  /** @param ordered has no default */
  constructor(ordered: TlsIdentities, own: TlsIdentities) {
    this.#ordered = ordered;
    this.#own = own;
  }

  get anonymous(): SecureContext {
    return this.#own.anonymous;
  }

  forName(serverName: string): SecureContext | null {
    return this.#own.given(serverName) ?? this.#ordered.forName(serverName) ?? this.#own.forName(serverName);
  }

  forNoName(): SecureContext | null {
    return this.#own.forNoName();
  }
}
