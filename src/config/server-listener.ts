import { textError } from './config-error.ts';
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
};

const SWITCHES = ['tls'];
const WITH_VALUE = ['default-cert'];

/**
 * Parses a listen address, and after one for TCP perhaps `,tls` and `,default-cert=NAME`. A parameter that would have no effect is
 * refused. Throws a `ConfigError`.
 */
export function parseServerListener(text: string): ServerListener {
  if (text.startsWith('unix:')) return parseListenAddress(text);
  const [place = '', ...parts] = text.split(',');
  const address = parseListenAddress(place);
  const parameters = readParameters(parts);
  if (!parameters.has('tls')) {
    if (parameters.has('default-cert')) throw textError('parameter "default-cert" needs "tls"');
    return address;
  }
  return { ...address, tls: { defaultCert: parameters.get('default-cert') ?? null } };
}

/** The text that `parseServerListener` reads as `listener`. */
export function formatServerListener(listener: ServerListener): string {
  const parts = [formatListenAddress(listener)];
  if (listener.tls !== undefined) {
    parts.push('tls');
    if (listener.tls.defaultCert !== null) parts.push(`default-cert=${listener.tls.defaultCert}`);
  }
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
