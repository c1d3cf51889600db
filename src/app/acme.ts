import { join } from 'node:path';
import { AcmeAuthority, AcmeCounters, AcmeStore, CertificateKeeper, type ChallengeKind } from '../acme/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { acmeIssues, acmeNames, type Config, pathsError, stateFolder } from '../config/index.ts';
import type { CounterRegistry, Log } from '../exchange/index.ts';

/** Where the certificates are that the server orders by itself; null where no listener has `acme`. */
export function acmeStore({ server, state }: Pick<Config, 'server' | 'state'>): AcmeStore | null {
  if (!server.listen.some(({ tls }) => tls?.acme)) return null;
  return new AcmeStore(join(stateFolder(state, process.env), 'acme'));
}

/**
 * Orders and renews certificates for the hosts of the routes, where a listener has `acme`. One process of a server does so.
 * @param registry takes what is counted
 * @throws Error for names or a folder that cannot be used
 */
export function keepCertificates(
  config: Config,
  { registry, ...means }: { readonly wheel: TimerWheel; readonly log: Log; readonly registry: CounterRegistry },
): CertificateKeeper | null {
  const store = acmeStore(config);
  if (store === null) return null;
  const issues = acmeIssues(config);
  if (issues.length > 0) throw pathsError(issues);
  store.prepare();
  const kinds: ChallengeKind[] = ['tls-alpn-01'];
  // Authorities connect to port 80 for it, which leads to a listener without TLS.
  if (config.server.listen.some(({ kind, tls }) => kind === 'tcp' && tls === undefined)) kinds.unshift('http-01');
  const counters = new AcmeCounters();
  registry.add('acme', counters);
  const authority = new AcmeAuthority(config.acme, store);
  const keeper = new CertificateKeeper({ ...means, counters, store, kinds, authority });
  keeper.use(acmeNames(config));
  return keeper;
}
