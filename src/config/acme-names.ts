import { isIP } from 'node:net';
import type { PathIssue } from './config-error.ts';
import { shown } from './plain-text.ts';
import type { ServerListener } from './server-listener.ts';

/** What is looked at of a configuration. */
interface AcmeParts {
  readonly server: { readonly listen: readonly ServerListener[] };
  readonly acme: { readonly acceptTerms: boolean };
  readonly routes: readonly { readonly host: string }[];
}

/** Names that certificates are ordered for, in lower case: the hosts of the routes for which an authority can issue one. Empty where no listener has `acme`. */
export function acmeNames({ server, routes }: Pick<AcmeParts, 'server' | 'routes'>): string[] {
  if (!server.listen.some(({ tls }) => tls?.acme)) return [];
  const hosts = routes.map(({ host }) => host.toLowerCase()).filter((host) => host !== '' && host !== '*');
  return [...new Set(hosts)].filter((host) => whyNot(host) === null);
}

/** What is wrong with listeners that have `acme`. */
export function acmeIssues(config: AcmeParts): PathIssue[] {
  const listeners = config.server.listen.flatMap((listener, index) =>
    listener.tls?.acme ? [{ listener, index }] : [],
  );
  const [first] = listeners;
  if (first === undefined) return [];
  const issues: PathIssue[] = [];
  if (!config.acme.acceptTerms) {
    const message = `must be true, for "acme" under [server] orders certificates: read the authority's terms first`;
    issues.push({ path: ['acme', 'accept_terms'], message });
  }
  const path = ['server', 'listen', first.index];
  if (acmeNames(config).length === 0) {
    const message = '"acme" needs a route for a host by its name: a certificate cannot be for "*"';
    issues.push({ path, message });
  }
  // With a certificate of another source for the other names all hosts can be reached.
  if (listeners.some(({ listener }) => listener.tls?.defaultCert === null)) {
    config.routes.forEach(({ host }, index) => {
      const reason = host === '' || host === '*' ? null : whyNot(host.toLowerCase());
      if (reason === null) return;
      const message = `"acme" gets no certificate for ${shown(host)}: ${reason}. Give one with default-cert=NAME`;
      issues.push({ path: ['route', index, 'host'], message });
    });
  }
  return issues;
}

/** Why no authority issues a certificate for the name by these challenges; null if it may. */
function whyNot(name: string): string | null {
  if (name.startsWith('*.')) return 'a wildcard is proven over DNS (dns-01), which is not supported';
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return 'it is an address';
  if (name === 'localhost') return 'it is the name of every machine';
  return null;
}
