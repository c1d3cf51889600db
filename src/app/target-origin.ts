import { type Origin, originOf } from '../client/index.ts';
import type { RequestRoute } from '../codec/zhttp/index.ts';
import type { Target, TargetTls } from '../config/index.ts';
import type { RequestHead } from '../exchange/index.ts';
import { checkClientCertificate, Guard, type TlsClientSettings } from '../net/index.ts';

/** Keeps targets that are `untrusted` away from internal addresses. One for all, so that their connections are shared. */
const untrusted = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true });

/** Origins that a target remembers: with TLS one for each name that its clients send in Host. */
const MAX_ORIGINS = 64;

/**
 * Where the requests for a target go. The first field of a request is the Host that the origin gets: with TLS it is also the name in SNI,
 * for which the certificate has to be valid.
 */
export type TargetOrigin = (request: Pick<RequestHead, 'headers'>) => Origin;

/** Reads the text of a certificate or key. */
export type ReadFile = (path: string) => string;

/** Nothing special about how a request is made. */
export const NO_ROUTE: RequestRoute = {
  connectHost: '',
  connectPort: 0,
  trustConnectHost: false,
  ignoreTlsErrors: false,
  ignorePolicies: false,
  clientCert: '',
  clientKey: '',
};

/**
 * How a program that makes requests over ZHTTP makes those for a target.
 * @throws Error when the client certificate or its key cannot be read or used
 */
export function requestRoute({ kind, host, port, tls, untrusted }: Target, read: ReadFile): RequestRoute {
  const isHttp = kind === 'http';
  const route = { ...NO_ROUTE, connectHost: isHttp ? host : '', connectPort: port, ignorePolicies: !untrusted };
  if (tls === null) return route;
  const { trustConnectHost, verify } = tls;
  return { ...route, trustConnectHost, ignoreTlsErrors: !verify, ...clientCertificate(tls, read) };
}

/**
 * Prepares the origin of a target. What an operator wrote is trusted, unless it says that others decide where it leads.
 * @throws Error when the client certificate or its key cannot be read or used
 */
export function targetOrigin(target: Target, read: ReadFile): TargetOrigin {
  const { host, port, tls, hostHeader } = target;
  const guard = target.untrusted ? untrusted : null;
  if (tls === null) {
    const origin = originOf(host, port, null, guard);
    return () => origin;
  }
  const certificate = clientCertificate(tls, read);
  const originFor = (name: string): Origin => {
    const settings: TlsClientSettings = {
      serverName: name,
      alsoTrusted: tls.trustConnectHost && name !== host ? host : '',
      verify: tls.verify,
      ...certificate,
    };
    return originOf(host, port, settings, guard);
  };
  if (hostHeader !== '') {
    const origin = originFor(nameOf(hostHeader));
    return () => origin;
  }
  const origins = new Map<string, Origin>();
  return ({ headers }) => {
    const field = headers[1] as string;
    let origin = origins.get(field);
    if (origin === undefined) {
      // Clients choose the names, so they must not fill the memory.
      if (origins.size >= MAX_ORIGINS) origins.clear();
      origin = originFor(nameOf(field));
      origins.set(field, origin);
    }
    return origin;
  };
}

/** Where a link of a response leads: to any host, over TLS where the URI says so, or only where `untrusted` targets may be. */
export function linkOrigin({ protocol, hostname, port }: URL, isUntrusted: boolean): Origin {
  const isTls = protocol === 'https:';
  const tls = { serverName: hostname, alsoTrusted: '', verify: true, clientCert: '', clientKey: '' };
  const number = port === '' ? (isTls ? 443 : 80) : Number(port);
  return originOf(hostname, number, isTls ? tls : null, isUntrusted ? untrusted : null);
}

function clientCertificate({ clientCert, clientKey }: TargetTls, read: ReadFile) {
  if (clientCert === '') return { clientCert, clientKey };
  const pair = { clientCert: read(clientCert), clientKey: read(clientKey) };
  checkClientCertificate(pair.clientCert, pair.clientKey);
  return pair;
}

/** The host of an authority in lower case, without its port and without brackets. */
function nameOf(authority: string): string {
  const [, literal, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::[0-9]*)?$/.exec(authority) ?? [];
  return (literal ?? name).toLowerCase();
}
