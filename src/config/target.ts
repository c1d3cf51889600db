import { isIPv6 } from 'node:net';
import { textError } from './config-error.ts';
import { formatHostPort, type HostPort, isHostName, parseHostPort } from './host-port.ts';
import { isPlainText, shown } from './plain-text.ts';
import { type Property, type RouteSection, splitRouteLine } from './route-grammar.ts';
import { unknownRouteName } from './route-names.ts';
import { parseIpcMode } from './zhttp-fields.ts';
import { parseStreamBase, parseZmqEndpoint } from './zmq-endpoint.ts';

/** TLS towards an origin server. */
export interface TargetTls {
  /** Whether the certificate of the origin is verified. */
  readonly verify: boolean;
  /** The certificate may also be valid for the host of the target, not only for the name in the Host field. */
  readonly trustConnectHost: boolean;
  /** Paths of the certificate and key (PEM) that this proxy shows to the origin; both empty for none. */
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Where the requests for a target go. */
export interface Target extends HostPort {
  /**
   * `http` is an origin server. `test` is the origin that is built in; its host is `test`. `zhttp` and `zhttpreq` are handlers over ZeroMQ, in
   * stream mode and in req mode; their host is the base, or the endpoint, that handlers connect to. The port of all but `http` is 0.
   */
  readonly kind: 'http' | 'test' | 'zhttp' | 'zhttpreq';
  /** Of `zhttp` and `zhttpreq`: permissions of socket files; null leaves them to the umask. */
  readonly ipcFileMode: number | null;
  /** Value of the Host field that the origin gets instead of the client's, or empty. */
  readonly hostHeader: string;
  /** Its name may resolve to any address, so connections are made only to the public internet. */
  readonly untrusted: boolean;
  /** Its WebSockets are spoken over HTTP requests. */
  readonly overHttp: boolean;
  /** With `overHttp`: each request has one event at most. */
  readonly oneEvent: boolean;
  /** Channels to which each client that goes to it is subscribed, without the route's prefix. */
  readonly sub: readonly string[];
  /** Null: no TLS. */
  readonly tls: TargetTls | null;
}

/** The forms of a target, phrased to follow "expected". */
export const TARGET_FORMS =
  '"HOST:PORT", "[IPV6]:PORT", "zhttp/BASE", "zhttpreq/ENDPOINT" or "test", and after it perhaps properties, as in ",ssl"';

/** Properties that are on when named, and take no value. */
const SWITCHES = ['untrusted', 'ssl', 'insecure', 'trust_connect_host', 'over_http', 'one_event'];

/** Properties whose value is the path of a file. */
const FILES = ['client_cert', 'client_key'];

/** Properties that mean nothing without TLS. */
const NEED_SSL = ['insecure', 'trust_connect_host', ...FILES];

/** Names of the properties that may follow the address. */
export const TARGET_PROPERTIES = ['host', 'sub', 'ipc_file_mode', ...SWITCHES, ...FILES];

/** Parses a target of a route: an address and its properties, in the grammar of route lines. Throws a `ConfigError`. */
export function parseTarget(text: string): Target {
  const sections = splitRouteLine(text);
  const section = sections[0];
  if (section === undefined || sections.length > 1) throw textError(`expected one target, got ${shown(text)}`);
  const sub: string[] = [];
  const properties = readProperties(section, sub);
  if (section.value === '') throw textError(`the address is missing: expected ${TARGET_FORMS}`);
  if (section.value === 'test') {
    const misplaced = [...properties.keys()].find((name) => name !== 'host');
    if (misplaced !== undefined) throw textError(`property "${misplaced}" means nothing for the target "test"`);
  }
  const place = placeOf(section.value);
  if (place.kind === 'http' && properties.has('ipc_file_mode')) {
    throw textError('property "ipc_file_mode" is for "zhttp/…" and "zhttpreq/…"');
  }
  return {
    ...place,
    ipcFileMode: parseIpcMode(properties.get('ipc_file_mode') ?? ''),
    hostHeader: properties.get('host') ?? '',
    untrusted: properties.has('untrusted'),
    overHttp: properties.has('over_http'),
    oneEvent: properties.has('one_event'),
    sub,
    tls: properties.has('ssl') ? tlsOf(properties) : null,
  };
}

/** The text that `parseTarget` reads as `target`. */
export function formatTarget(target: Target): string {
  const { hostHeader, untrusted, tls, overHttp, oneEvent, sub, ipcFileMode } = target;
  const parts = [quoted(targetName(target))];
  if (tls !== null) {
    parts.push('ssl');
    if (!tls.verify) parts.push('insecure');
    if (tls.trustConnectHost) parts.push('trust_connect_host');
    if (tls.clientCert !== '') parts.push(`client_cert=${quoted(tls.clientCert)}`);
    if (tls.clientKey !== '') parts.push(`client_key=${quoted(tls.clientKey)}`);
  }
  if (hostHeader !== '') parts.push(`host=${hostHeader}`);
  if (ipcFileMode !== null) parts.push(`ipc_file_mode=${ipcFileMode.toString(8)}`);
  if (untrusted) parts.push('untrusted');
  if (overHttp) parts.push('over_http');
  if (oneEvent) parts.push('one_event');
  for (const channel of sub) parts.push(`sub=${quoted(channel)}`);
  return parts.join(',');
}

/** The name of a target in the log and in error texts: its address. */
export function targetName(target: Target): string {
  switch (target.kind) {
    case 'test':
      return 'test';
    case 'http':
      return formatHostPort(target);
    default:
      return `${target.kind}/${target.host}`;
  }
}

/** Whether `text` is valid in a Host field: a host, optionally with a port (RFC 9110 §7.2). */
export function isAuthority(text: string): boolean {
  const port = /:[0-9]{1,5}$/.exec(text)?.[0] ?? '';
  const host = text.slice(0, text.length - port.length);
  return isHostName(host) || (host.startsWith('[') && host.endsWith(']') && isIPv6(host.slice(1, -1)));
}

function placeOf(text: string): Pick<Target, 'kind' | 'host' | 'port'> {
  if (text === 'test') return { kind: 'test', host: 'test', port: 0 };
  if (text.startsWith('zhttp/')) return { kind: 'zhttp', host: parseStreamBase(text.slice('zhttp/'.length)), port: 0 };
  if (text.startsWith('zhttpreq/')) {
    return { kind: 'zhttpreq', host: parseZmqEndpoint(text.slice('zhttpreq/'.length)), port: 0 };
  }
  return { kind: 'http', ...parseHostPort(text, 1) };
}

/**
 * The values of the given properties; a switch has an empty one.
 * @param sub gets the channels, which may be several
 */
function readProperties(section: RouteSection, sub: string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const property of section.properties) {
    const { name } = property;
    if (!TARGET_PROPERTIES.includes(name))
      throw textError(unknownRouteName(name, TARGET_PROPERTIES, `property ${shown(name)} of a target`));
    if (name === 'sub') {
      sub.push(channelOf(property));
      continue;
    }
    if (values.has(name)) throw textError(`property "${name}" is given twice`);
    values.set(name, readValue(property));
  }
  const useless = NEED_SSL.find((name) => values.has(name));
  if (useless !== undefined && !values.has('ssl')) {
    throw textError(`property "${useless}" needs "ssl": without TLS it means nothing`);
  }
  if (values.has('one_event') && !values.has('over_http')) {
    throw textError('property "one_event" needs "over_http": only WebSockets over HTTP have events');
  }
  if (values.has('client_cert') !== values.has('client_key')) {
    throw textError('properties "client_cert" and "client_key" are given together, or not at all');
  }
  return values;
}

function channelOf({ value }: Property): string {
  if (value === null || value === '') throw textError('property "sub" needs the name of a channel, as in "sub=news"');
  return value;
}

function readValue({ name, value }: Property): string {
  if (SWITCHES.includes(name)) {
    if (value !== null) throw textError(`property "${name}" is a switch and takes no value`);
    return '';
  }
  if (FILES.includes(name)) {
    if (value === null || value === '' || !isPlainText(value)) {
      throw textError(`property "${name}" needs the path of a file, as in "${name}=/etc/holdfast/${name}.pem"`);
    }
    return value;
  }
  if (name === 'ipc_file_mode') {
    if (value === null) throw textError('property "ipc_file_mode" needs an octal number, as in "ipc_file_mode=660"');
    return value;
  }
  if (value === null || !isAuthority(value)) {
    throw textError(`property "host" needs a host name, as in "host=app.example", got ${shown(value ?? '')}`);
  }
  return value;
}

function tlsOf(properties: ReadonlyMap<string, string>): TargetTls {
  return {
    verify: !properties.has('insecure'),
    trustConnectHost: properties.has('trust_connect_host'),
    clientCert: properties.get('client_cert') ?? '',
    clientKey: properties.get('client_key') ?? '',
  };
}

/** A value as it stands in a route line. */
function quoted(value: string): string {
  return /[\s,#"\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;
}
