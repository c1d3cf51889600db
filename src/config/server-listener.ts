import { textError } from './config-error.ts';
import { parsePort } from './host-port.ts';
import { formatListenAddress, type ListenAddress, parseListenAddress } from './listen-address.ts';
import { isPlainText, shown } from './plain-text.ts';
import { suggestion } from './suggest.ts';

/** The TLS of a listener. */
export interface ListenerTls {
  /** Name of the certificate for clients that name no host, or a host without a certificate; null refuses them. */
  readonly defaultCert: string | null;
}

/** Where clients of the proxy connect, and how. */
export type ServerListener = ListenAddress & {
  /** Absent: no TLS. */
  readonly tls?: ListenerTls;
  /** Port, as clients see it, of the https URLs that all requests are redirected to. Absent: requests are served. */
  readonly redirect?: number;
};

const SWITCHES = ['tls'];
const WITH_VALUE = ['default-cert', 'redirect'];

/**
 * Parses a listen address, and after one for TCP perhaps `,tls` and `,default-cert=NAME`, or `,redirect=PORT`. A parameter that would have no effect is
 * refused. Throws a `ConfigError`.
 */
export function parseServerListener(text: string): ServerListener {
  if (text.startsWith('unix:')) return parseListenAddress(text);
  const [place = '', ...parts] = text.split(',');
  const address = parseListenAddress(place);
  const parameters = readParameters(parts);
  if (!parameters.has('tls')) {
    if (parameters.has('default-cert')) throw textError('parameter "default-cert" needs "tls"');
    const redirect = parameters.get('redirect');
    return redirect === undefined ? address : { ...address, redirect: parsePort(redirect, 1) };
  }
  if (parameters.has('redirect')) throw textError('parameter "redirect" is for listeners without "tls"');
  return { ...address, tls: { defaultCert: parameters.get('default-cert') ?? null } };
}

/** The text that `parseServerListener` reads as `listener`. */
export function formatServerListener(listener: ServerListener): string {
  const parts = [formatListenAddress(listener)];
  if (listener.tls !== undefined) {
    parts.push('tls');
    if (listener.tls.defaultCert !== null) parts.push(`default-cert=${listener.tls.defaultCert}`);
  }
  if (listener.redirect !== undefined) parts.push(`redirect=${listener.redirect}`);
  return parts.join(',');
}

/** The given parameters; a switch has an empty value. */
function readParameters(parts: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? '' : part.slice(equals + 1);
    if (SWITCHES.includes(name)) {
      if (equals !== -1) throw textError(`parameter "${name}" takes no value`);
    } else if (!WITH_VALUE.includes(name)) {
      throw textError(`unknown parameter ${shown(name)}${suggestion(name, [...SWITCHES, ...WITH_VALUE])}`);
    } else if (value === '' || !isPlainText(value)) {
      throw textError(`parameter "${name}" needs a value, as in "${name}=…"`);
    }
    if (parameters.has(name)) throw textError(`parameter "${name}" is given twice`);
    parameters.set(name, value);
  }
  return parameters;
}
