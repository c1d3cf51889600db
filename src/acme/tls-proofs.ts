import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsChallenges } from '../net/index.ts';
import type { AcmeStore } from './acme-store.ts';

/** The proofs over TLS that are open in a store. */
export function tlsProofs(store: AcmeStore): TlsChallenges {
  return {
    get open(): boolean {
      return store.proving;
    },
    forName(name: string): SecureContext | null {
      const proof = store.proofOf(name);
      return proof === null ? null : createSecureContext({ cert: proof.chain, key: proof.key });
    },
  };
}
