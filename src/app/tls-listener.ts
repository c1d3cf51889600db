import { type AcmeStore, tlsProofs } from '../acme/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { ListenerTls, Mongrel2Server } from '../config/index.ts';
import type { Current, Log, ServerCounters } from '../exchange/index.ts';
import { DEFAULT_TLS_LIMITS, type TlsFailure, TlsIdentities, type TlsSettings } from '../net/index.ts';
import type { Certificates } from './certificates.ts';

import { LayeredIdentities } from './layered-identities.ts';

/** The keys about TLS that `[server]` and `[edge]` have in common. */
export interface TlsSection {
  readonly tlsIdentitiesDir: string;
  /** In seconds. */
  readonly tlsHandshakeTimeout: number;
  readonly tlsMaxHandshakes: number;
}

/** What the listeners of a role have in common. */
export interface TlsListenerMeans {
  readonly wheel: TimerWheel;
  readonly counters: ServerCounters;
  readonly log: Log;
  /** The certificates that the server orders by itself, for listeners with `acme`. */
  readonly acme?: AcmeStore | null;
  /** Looks after the certificates. Absent: they are looked at with each handshake only. */
  readonly certificates?: Certificates;
}

/**
 * The TLS of a listener: certificates by name from the folder of its section. Its bounds are read for each connection.
 * @param defaultName name of the certificate for clients that name no host, or one without a certificate; null refuses them
 */
export function tlsListener(
  section: Current<TlsSection>,
  defaultName: string | null,
  { wheel, counters, log, acme = null, certificates }: TlsListenerMeans,
): TlsSettings {
  const own = identitiesOf(section.current, defaultName, log);
  certificates?.add(own);
  const ordered = acme && new TlsIdentities({ folder: acme.certificates, defaultName: null, log });
  return {
    identities: ordered === null ? own : new LayeredIdentities(ordered, own),
    ...(acme !== null && { challenges: tlsProofs(acme) }),
    wheel,
    onFailure: failureLog(counters, log),
    get handshakeTimeout() {
      return section.current.tlsHandshakeTimeout;
    },
    get maxHandshakes() {
      return section.current.tlsMaxHandshakes;
    },
  };
}

/**
 * The TLS of a Mongrel2 server: certificates by name from its own folder, the default one named after its uuid, and perhaps those of clients.
 * @throws Error for ciphers that OpenSSL does not know
 */
export function siteTls(
  { uuid, tls }: Pick<Mongrel2Server, 'uuid' | 'tls'>,
  { wheel, counters, log }: { readonly wheel: TimerWheel; readonly counters: ServerCounters; readonly log: Log },
): (TlsSettings & { readonly identities: TlsIdentities }) | undefined {
  if (tls === null) return undefined;
  const { certdir: folder, ciphers, clientCa, clientRequired } = tls;
  const identities = new TlsIdentities({
    folder,
    defaultName: uuid || null,
    log,
    ...(ciphers !== null && { ciphers }),
    ...(clientCa !== null && { clientCa }),
  });
  const asked = clientRequired ? 'required' : 'optional';
  return {
    ...DEFAULT_TLS_LIMITS,
    identities,
    wheel,
    clientCertificates: clientCa === null ? undefined : asked,
    onFailure: failureLog(counters, log),
  };
}

/** Counts and logs handshakes that fail. */
function failureLog(counters: ServerCounters, log: Log): (failure: TlsFailure) => void {
  return (failure) => {
    counters.handshakesFailed++;
    if (failure.reason === 'internal') counters.faults++;
    // Scanners cause failures all day. The operator needs to know only of an overload and of defects.
    const level = failure.reason === 'internal' ? 'error' : failure.reason === 'overload' ? 'warn' : 'debug';
    log[level]({ ...failure }, 'TLS handshake failed');
  };
}

/**
 * For startup: checks the folder of certificates and the default ones, before anything is bound.
 * @throws Error that says what is missing and how to fix it
 */
export function checkIdentities(
  section: TlsSection & { readonly listen: readonly { readonly tls?: ListenerTls | null }[] },
  log: Log,
): void {
  for (const { tls } of section.listen) if (tls) identitiesOf(section, tls.defaultCert, log).check();
}

function identitiesOf({ tlsIdentitiesDir }: TlsSection, defaultName: string | null, log: Log): TlsIdentities {
  return new TlsIdentities({ folder: tlsIdentitiesDir || '.', defaultName, log });
}
