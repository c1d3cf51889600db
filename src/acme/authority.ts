import type { IssuedCertificate } from './acme-store.ts';

/** How a name can be proven. */
export type ChallengeKind = 'http-01' | 'tls-alpn-01';

/** What is done for a proof while the authority looks. */
export interface Prover {
  /** Ways to prove, the one to try first in front. */
  readonly kinds: readonly ChallengeKind[];
  /** The proof over HTTP can be asked for from now on. */
  openToken(token: string, keyAuthorization: string): Promise<void>;
  /** The proof over TLS can be asked for from now on. */
  openProof(name: string, certificate: IssuedCertificate): Promise<void>;
}

/** Issues certificates. */
export interface Authority {
  /**
   * Orders a certificate for a name.
   * @throws Error that says what the authority or the network did; `signal` ends the attempt
   */
  order(name: string, prover: Prover, signal: AbortSignal): Promise<IssuedCertificate>;
}

/** The authority asks to be left alone for a while (RFC 8555 §6.6). */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  /** Seconds; 0 where it does not say. */
  readonly seconds: number;

  constructor(message: string, seconds: number) {
    super(message);
    this.seconds = seconds;
  }
}
