import { textError } from './config-error.ts';
import { parsePort } from './host-port.ts';
import { formatListenAddress, type ListenAddress, parseListenAddress } from './listen-address.ts';
import { type ListenerTls, readListenerParameters, tlsParameters } from './listener-parameters.ts';

/** Where clients of the proxy connect, and how. */
export type ServerListener = ListenAddress & {
  /** Absent: no TLS. */
  readonly tls?: ListenerTls;
  /** Each connection begins with a PROXY header, before TLS. Absent: none does. */
  readonly proxyProtocol?: true;
  /** Port, as clients see it, of the https URLs that all requests are redirected to. Absent: requests are served. */
  readonly redirect?: number;
};

const SWITCHES = ['tls', 'acme', 'proxy-protocol'];
const WITH_VALUE = ['default-cert', 'redirect'];

/**
 * Parses a listen address, and after one for TCP perhaps `,proxy-protocol`, and `,tls` with `,acme` and `,default-cert=NAME`, or `,redirect=PORT`. A parameter that would have no effect is
 * refused. Throws a `ConfigError`.
 */
export function parseServerListener(text: string): ServerListener {
  if (text.startsWith('unix:')) return parseListenAddress(text);
  const [place = '', ...parts] = text.split(',');
  const parameters = readListenerParameters(parts, SWITCHES, WITH_VALUE);
  const proxied = parameters.has('proxy-protocol') ? { proxyProtocol: true as const } : {};
  const address = { ...parseListenAddress(place), ...proxied };
  if (!parameters.has('tls')) {
    for (const name of ['acme', 'default-cert']) {
      if (parameters.has(name)) throw textError(`parameter "${name}" needs "tls"`);
    }
    const redirect = parameters.get('redirect');
    return redirect === undefined ? address : { ...address, redirect: parsePort(redirect, 1) };
  }
  if (parameters.has('redirect')) throw textError('parameter "redirect" is for listeners without "tls"');
  const acme = parameters.has('acme') ? { acme: true as const } : {};
  return { ...address, tls: { defaultCert: parameters.get('default-cert') ?? null, ...acme } };
}

/** The text that `parseServerListener` reads as `listener`. */
export function formatServerListener(listener: ServerListener): string {
  const parts = [formatListenAddress(listener)];
  if (listener.proxyProtocol) parts.push('proxy-protocol');
  if (listener.tls !== undefined) parts.push(...tlsParameters(listener.tls));
  if (listener.redirect !== undefined) parts.push(`redirect=${listener.redirect}`);
  return parts.join(',');
}
