import { isIP } from 'node:net';
import { textError } from './config-error.ts';
import { formatHostPort, parseHostPort, parsePort } from './host-port.ts';
import { type ListenAddress, type TcpListenAddress, unixListenAddress } from './listen-address.ts';
import { type ListenerTls, readListenerParameters, tlsParameters } from './listener-parameters.ts';
import { shown } from './plain-text.ts';

/** Where clients of the edge connect, and how their requests reach handlers. */
export interface EdgeListener {
  readonly address: ListenAddress;
  /** `stream`: a session for each request, with body chunks both ways and WebSockets. `req`: one message each way. */
  readonly mode: 'stream' | 'req';
  /** Null for connections without TLS. */
  readonly tls: ListenerTls | null;
  /** Each connection begins with a PROXY header, before TLS. Absent: none does. */
  readonly proxyProtocol?: true;
}

/** The forms of an edge listener, phrased to follow "expected". */
export const EDGE_LISTENER_FORMS =
  '"PORT", "IPV4:PORT", "[IPV6]:PORT" or "PATH,local", optionally followed by parameters';

/** Where a port alone listens. Unlike elsewhere in the file this excludes IPv6: it is Condure's notation. */
const ANY_IPV4 = '0.0.0.0';

const SWITCHES = ['stream', 'req', 'tls', 'proxy-protocol', 'local'];
const FILE_PARAMETERS = ['mode', 'user', 'group'];
const WITH_VALUE = ['default-cert', ...FILE_PARAMETERS];

/**
 * Parses a listener in Condure's notation: `[ADDRESS:]PORT[,PARAMETER…]` or `PATH,local[,PARAMETER…]`. The later of `stream` and `req` wins. A
 * parameter that would have no effect is refused. Throws a `ConfigError`.
 */
export function parseEdgeListener(text: string): EdgeListener {
  const [place = '', ...parts] = text.split(',');
  if (place === '') throw textError(`expected ${EDGE_LISTENER_FORMS}, got ${shown(text)}`);
  const mode = parts.findLast(isMode) ?? 'stream';
  const others = parts.filter((part) => !isMode(part));
  const parameters = readListenerParameters(others, SWITCHES, WITH_VALUE);
  const given = (name: string) => parameters.has(name);
  if (given('local')) {
    const other = ['tls', 'default-cert', 'proxy-protocol'].find(given);
    if (other !== undefined) throw textError(`parameter "${other}" cannot be used with "local"`);
    return { address: unixListenAddress(place, parameters), mode, tls: null };
  }
  const file = FILE_PARAMETERS.find(given);
  if (file !== undefined) throw textError(`parameter "${file}" needs "local": it applies to the file of a unix socket`);
  if (given('default-cert') && !given('tls')) throw textError('parameter "default-cert" needs "tls"');
  const tls = given('tls') ? { defaultCert: parameters.get('default-cert') ?? null } : null;
  const proxied = given('proxy-protocol') ? { proxyProtocol: true as const } : {};
  return { address: parseTcp(place), mode, tls, ...proxied };
}

/** The text that `parseEdgeListener` reads as `listener`. */
export function formatEdgeListener({ address, mode, tls, proxyProtocol }: EdgeListener): string {
  const parts: string[] = [mode];
  if (address.kind === 'unix') {
    parts.unshift(address.path);
    parts.push('local');
    if (address.mode !== null) parts.push(`mode=${address.mode.toString(8)}`);
    if (address.user !== null) parts.push(`user=${address.user}`);
    if (address.group !== null) parts.push(`group=${address.group}`);
  } else {
    parts.unshift(formatHostPort({ host: address.host ?? ANY_IPV4, port: address.port }));
    if (proxyProtocol) parts.push('proxy-protocol');
    if (tls !== null) parts.push(...tlsParameters(tls));
  }
  return parts.join(',');
}

function isMode(part: string): part is EdgeListener['mode'] {
  return part === 'stream' || part === 'req';
}

function parseTcp(place: string): TcpListenAddress {
  if (/^[0-9]+$/.test(place)) return { kind: 'tcp', host: ANY_IPV4, port: parsePort(place, 0) };
  if (place.includes('/')) throw textError(`a unix socket is written "PATH,local", got ${shown(place)}`);
  const { host, port } = parseHostPort(place, 0);
  if (isIP(host) === 0) {
    throw textError(`${shown(host)} is a name: expected an address, such as "127.0.0.1:${port}" or "[::1]:${port}"`);
  }
  return { kind: 'tcp', host, port };
}
