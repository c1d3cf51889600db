import { isIPv6 } from 'node:net';
import { textError } from './config-error.ts';
import { formatHostPort, type HostPort, isHostName, parseHostPort } from './host-port.ts';
import { shown } from './plain-text.ts';
import { type RouteSection, splitRouteLine } from './route-grammar.ts';
import { unknownRouteName, unsupported } from './route-names.ts';

/** An origin server. */
export interface Target extends HostPort {
  /** Value of the Host field that the origin gets instead of the client's, or empty. */
  readonly hostHeader: string;
  /** Its name may resolve to any address, so connections are made only to the public internet. */
  readonly untrusted: boolean;
}

/** The forms of a target, phrased to follow "expected". */
export const TARGET_FORMS =
  '"HOST:PORT" or "[IPV6]:PORT", and after it perhaps ",host=NAME" if the origin needs another Host, and ",untrusted"';

/** Names of the properties that may follow the address. */
export const TARGET_PROPERTIES = ['host', 'untrusted'];

/** Parses a target of a route: an address and its properties, in the grammar of route lines. Throws a `ConfigError`. */
export function parseTarget(text: string): Target {
  const sections = splitRouteLine(text);
  const section = sections[0];
  if (section === undefined || sections.length > 1) throw textError(`expected one target, got ${shown(text)}`);
  refusePushpinForms(section);
  const properties = readProperties(section);
  if (section.value === '') throw textError(`the address is missing: expected ${TARGET_FORMS}`);
  return { ...parseHostPort(section.value, 1), ...properties };
}

/** The text that `parseTarget` reads as `target`. */
export function formatTarget(target: Target): string {
  const host = target.hostHeader === '' ? '' : `,host=${target.hostHeader}`;
  return `${formatHostPort(target)}${host}${target.untrusted ? ',untrusted' : ''}`;
}

/** Whether `text` is valid in a Host field: a host, optionally with a port (RFC 9110 §7.2). */
export function isAuthority(text: string): boolean {
  const port = /:[0-9]{1,5}$/.exec(text)?.[0] ?? '';
  const host = text.slice(0, text.length - port.length);
  return isHostName(host) || (host.startsWith('[') && host.endsWith(']') && isIPv6(host.slice(1, -1)));
}

function refusePushpinForms(section: RouteSection): void {
  if (section.value === 'test') throw textError(unsupported('test'));
  const form = /^zhttp(req)?\//.exec(section.value)?.[0];
  if (form !== undefined) throw textError(unsupported(`${form}…`));
}

function readProperties(section: RouteSection): { hostHeader: string; untrusted: boolean } {
  let hostHeader = '';
  let untrusted = false;
  for (const { name, value } of section.properties) {
    if (name === 'ssl') throw textError(unsupported('ssl'));
    if (!TARGET_PROPERTIES.includes(name))
      throw textError(unknownRouteName(name, TARGET_PROPERTIES, `property ${shown(name)} of a target`));
    if (name === 'untrusted') {
      if (untrusted) throw textError('property "untrusted" is given twice');
      if (value !== null) throw textError('property "untrusted" is a switch and takes no value');
      untrusted = true;
      continue;
    }
    if (hostHeader !== '') throw textError('property "host" is given twice');
    if (value === null || !isAuthority(value)) {
      throw textError(`property "host" needs a host name, as in "host=app.example", got ${shown(value ?? '')}`);
    }
    hostHeader = value;
  }
  return { hostHeader, untrusted };
}
