import { acmeNames, type Config } from '../config/index.ts';
import { acmeStore } from './acme.ts';

/** Where a certificate comes from: a folder of `[server]` or `[edge]`, the control API, an order of the server, or the folder of a Mongrel2 server. */
export type CertificateSource = 'file' | 'overlay' | 'acme' | 'mongrel2';

/** A folder that listeners take certificates from. */
export interface CertificateFolder {
  readonly source: CertificateSource;
  readonly folder: string;
  /** The names of certificates that are used; null for all that are there. */
  readonly names: readonly string[] | null;
  /** Files that are no certificates of listeners. */
  readonly others: readonly string[];
}

/** The folders of all listeners with TLS. */
export function certificateFolders(config: Pick<Config, 'server' | 'edge' | 'routes' | 'state'>): CertificateFolder[] {
  const { server, edge } = config;
  const folders = new Map<string, CertificateFolder>();
  const add = (source: CertificateSource, folder: string, others: string[] = []): void => {
    const key = `${source} ${folder}`;
    folders.set(key, { source, folder, names: null, others: [...(folders.get(key)?.others ?? []), ...others] });
  };
  for (const section of [server, edge]) {
    if (section.listen.some(({ tls }) => tls)) add('file', section.tlsIdentitiesDir || '.');
  }
  for (const { tls } of edge.mongrel2) {
    if (tls !== null) add('mongrel2', tls.certdir, tls.clientCa === null ? [] : [tls.clientCa]);
  }
  const store = acmeStore(config);
  if (store === null) return [...folders.values()];
  // What was ordered for names that are no longer there stays in the folder.
  return [...folders.values(), { source: 'acme', folder: store.certificates, names: acmeNames(config), others: [] }];
}
