import { textError } from './config-error.ts';
import { formatHostPort, parseHostPort, parsePort } from './host-port.ts';
import { isPlainText, shown } from './plain-text.ts';
import { suggestion } from './suggest.ts';

/** A TCP address to listen on. */
export interface TcpListenAddress {
  readonly kind: 'tcp';
  /** Name or address without brackets; null for every interface, IPv4 and IPv6. */
  readonly host: string | null;
  /** 0 to 65535; 0 lets the system choose a free one. */
  readonly port: number;
}

/** A unix socket to listen on. */
export interface UnixListenAddress {
  readonly kind: 'unix';
  /** Path of the socket file, at most `MAX_UNIX_PATH` bytes; a relative one is resolved from the working directory. */
  readonly path: string;
  /** Permissions of the socket file, 0 to 0o777; null leaves them to the umask. */
  readonly mode: number | null;
  /** Owner of the socket file, by name or number; null for the user of the process. */
  readonly user: string | null;
  /** Group of the socket file, by name or number; null for the group of the process. */
  readonly group: string | null;
}

/** Where a server listens. */
export type ListenAddress = TcpListenAddress | UnixListenAddress;

/** The forms of a listen address, phrased to follow "expected". */
export const LISTEN_FORMS = '"PORT", "HOST:PORT", "[IPV6]:PORT" or "unix:PATH"';

/** Bytes of a unix socket's path that every supported system can bind (104 with the closing NUL on macOS, 108 on Linux). */
export const MAX_UNIX_PATH = 103;

const UNIX_OPTIONS = ['mode', 'user', 'group'] as const;

/**
 * Parses `PORT`, `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH[?mode=OCTAL&user=USER&group=GROUP]`. Throws a `ConfigError` that says what is
 * wrong.
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) return parseUnix(text.slice('unix:'.length));
  if (/^[0-9]+$/.test(text)) return { kind: 'tcp', host: null, port: parsePort(text, 0) };
  if (text.startsWith('*:'))
    throw textError(`to listen on every interface, write only the port: ${shown(text.slice(2))}`);
  if (text === '') throw textError(`expected ${LISTEN_FORMS}, got an empty text`);
  return { kind: 'tcp', ...parseHostPort(text, 0) };
}

/** The text that `parseListenAddress` reads as `address`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'tcp') {
    return address.host === null ? String(address.port) : formatHostPort({ host: address.host, port: address.port });
  }
  const options: string[] = [];
  if (address.mode !== null) options.push(`mode=${address.mode.toString(8)}`);
  if (address.user !== null) options.push(`user=${address.user}`);
  if (address.group !== null) options.push(`group=${address.group}`);
  return `unix:${address.path}${options.length === 0 ? '' : `?${options.join('&')}`}`;
}

/**
 * A unix socket at `path`, with `mode`, `user` and `group` from `options`. Throws a `ConfigError`.
 */
export function unixListenAddress(path: string, options: ReadonlyMap<string, string>): UnixListenAddress {
  if (!isPlainText(path)) throw textError('the path of a unix socket must not contain control characters');
  if (Buffer.byteLength(path) > MAX_UNIX_PATH) {
    throw textError(`the path of a unix socket must be at most ${MAX_UNIX_PATH} bytes long, got ${shown(path)}`);
  }
  const mode = options.get('mode');
  return {
    kind: 'unix',
    path,
    mode: mode === undefined ? null : parseFileMode(mode),
    user: options.get('user') ?? null,
    group: options.get('group') ?? null,
  };
}

/** Parses permissions in octal digits: 0 to 0o777. Throws a `ConfigError`. */
export function parseFileMode(text: string): number {
  if (!/^0?[0-7]{1,3}$/.test(text))
    throw textError(`expected mode as an octal number from 0 to 777, got ${shown(text)}`);
  return Number.parseInt(text, 8);
}

function parseUnix(text: string): UnixListenAddress {
  const mark = text.indexOf('?');
  const path = mark === -1 ? text : text.slice(0, mark);
  if (path === '') throw textError('the path is missing after "unix:"');
  return unixListenAddress(path, mark === -1 ? new Map() : parseOptions(text.slice(mark + 1)));
}

function parseOptions(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const part of text.split('&')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? '' : part.slice(equals + 1);
    if (!(UNIX_OPTIONS as readonly string[]).includes(name)) {
      throw textError(`unknown option ${shown(name)} of a unix socket${suggestion(name, UNIX_OPTIONS)}`);
    }
    if (options.has(name)) throw textError(`option "${name}" is given twice`);
    if (value === '' || !isPlainText(value)) throw textError(`option "${name}" needs a value, as in "${name}=…"`);
    options.set(name, value);
  }
  return options;
}
