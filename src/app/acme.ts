import { join } from 'node:path';
import { AcmeAuthority, AcmeCounters, AcmeStore, CertificateKeeper, type ChallengeKind } from '../acme/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import { acmeIssues, acmeNames, type Config, pathsError, stateFolder } from '../config/index.ts';
import type { CounterRegistry, Log } from '../exchange/index.ts';
import type { OldProcess } from './upgrade/old-process.ts';

/** Where the certificates are that the server orders by itself; null where no listener has `acme`. */
export function acmeStore({ server, state }: Pick<Config, 'server' | 'state'>): AcmeStore | null {
  if (!server.listen.some(({ tls }) => tls?.acme)) return null;
  return new AcmeStore(join(stateFolder(state, process.env), 'acme'));
}

/** What certificates are kept with. */
interface KeeperMeans {
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Takes what is counted. */
  readonly registry: CounterRegistry;
  /** The process that this one replaces: it orders certificates until this one is the main process. Null for none. */
  readonly old: Pick<OldProcess, 'done'> | null;
}

/**
 * Orders and renews certificates for the hosts of the routes, where a listener has `acme`. One process of a server does so, since it closes all
 * challenges with the end of an order.
 * @param current the configuration in force
 * @throws Error for names or a folder that cannot be used
 */
export function keepCertificates(
  current: () => Config,
  { registry, old, ...means }: KeeperMeans,
): CertificateKeeper | null {
  const config = current();
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
  const begin = (): void => keeper.use(acmeNames(current()));
  if (old === null) begin();
  else old.done.then(begin).catch((thrown: unknown) => keeper.onFault(thrown));
  return keeper;
}
