import { createSecureContext, type SecureContext } from 'node:tls';
import { DialError, type TlsClientSettings } from './dialler.ts';
import type { Authorities, TrustStore } from './trust-store.ts';

/**
 * Contexts kept in memory. One with a typical system's authorities takes about 1 MB and 20 ms to make; only client certificates can make
 * them many.
 * @bound tls-client-contexts
 */
const MAX_CONTEXTS = 64;

/** TLS 1.2 and 1.3: RFC 8996 retires the older ones. */
const VERSIONS = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const;

/** TLS contexts for outbound connections, by client certificate and by whether servers are verified. */
export class TlsClientContexts {
  readonly #trust: TrustStore;
  readonly #maxContexts: number;
  /** The authorities that the verifying contexts trust. */
  #authorities: Authorities = null;
  /** Most recently used last. */
  readonly #verifying = new Map<string, SecureContext>();
  readonly #trusting = new Map<string, SecureContext>();

  /** @param maxContexts of each kind, verifying and not, kept in memory; the least recently used goes first */
  constructor(trust: TrustStore, maxContexts = MAX_CONTEXTS) {
    this.#trust = trust;
    this.#maxContexts = maxContexts;
  }

  /** @throws DialError `tls` when the client certificate, its key or the trusted authorities cannot be loaded */
  contextFor({ verify, clientCert, clientKey }: TlsClientSettings): SecureContext {
    const authorities = verify ? this.#trusted() : [];
    const contexts = verify ? this.#verifying : this.#trusting;
    // A PEM has no zero byte.
    const identity = clientCert === '' && clientKey === '' ? '' : `${clientCert}\0${clientKey}`;
    let context = contexts.get(identity);
    if (context === undefined) {
      context = createContext(authorities, clientCert, clientKey);
      if (contexts.size >= this.#maxContexts) forgetOldest(contexts);
    } else contexts.delete(identity);
    contexts.set(identity, context);
    return context;
  }

  #trusted(): Authorities {
    let authorities: Authorities;
    try {
      authorities = this.#trust.authorities();
    } catch (error) {
      throw new DialError('tls', `trusted authorities cannot be loaded: ${(error as Error).message}`);
    }
    if (authorities !== this.#authorities) this.#verifying.clear();
    this.#authorities = authorities;
    return authorities;
  }
}

/** @throws DialError `tls` when a client certificate and its key (PEM) cannot be used together */
export function checkClientCertificate(clientCert: string, clientKey: string): void {
  createContext([], clientCert, clientKey);
}

function createContext(authorities: Authorities, clientCert: string, clientKey: string): SecureContext {
  // Node takes `undefined` for its own authorities.
  const options = { ...VERSIONS, ca: authorities === null ? undefined : [...authorities] };
  if (clientCert === '' && clientKey === '') return createSecureContext(options);
  if (clientCert === '' || clientKey === '') {
    throw new DialError('tls', 'a client certificate needs its key, and a key its certificate');
  }
  try {
    return createSecureContext({ ...options, cert: clientCert, key: clientKey });
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string };
    throw new DialError('tls', `the client certificate or its key cannot be used: ${reason ?? message}`);
  }
}

function forgetOldest(contexts: Map<string, SecureContext>): void {
  for (const identity of contexts.keys()) {
    contexts.delete(identity);
    return;
  }
}
