import { accessSync, constants, existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { isLoopback } from '../codec/http1/index.ts';
import { type Config, controlListen, defaultConfig, type ListenAddress } from '../config/index.ts';
import { CliError, USAGE } from './cli-error.ts';
import { readAnyConfig } from './config-options.ts';
import { CREDENTIALS_REFUSED } from './publish-request.ts';

/** Where the package keeps the configuration. */
const SYSTEM_FILE = '/etc/holdfast/holdfast.toml';
const OWN_FILE = 'holdfast.toml';

/** Values of the options that `addControlOptions` adds. */
export interface ControlOptions {
  readonly url?: string | undefined;
  readonly config?: string | undefined;
  readonly user?: string | undefined;
  readonly token?: string | undefined;
}

/** A control port, and what is shown to it. */
export interface ControlTarget {
  /** For messages: `http://127.0.0.1:5561` or `unix:/run/holdfast/control.sock`. */
  readonly name: string;
  /** Null for TCP. */
  readonly socketPath: string | null;
  readonly url: URL;
  /** Value of the Authorization field; null for none. */
  readonly authorization: string | null;
}

/** Adds the options that say which server to ask, and as whom. What is given on the command line comes before the environment. */
export function addControlOptions(command: Command): Command {
  return command
    .hook('preAction', preferGiven)
    .addOption(
      new Option(
        '--url <url>',
        'control port: http://HOST:PORT, https://HOST or unix:PATH (default: the one of the configuration, a unix socket first)',
      ).env('HOLDFAST_URL'),
    )
    .option(
      '--config <file>',
      `configuration that names the control port (default: ${OWN_FILE}, or else ${SYSTEM_FILE}, if it exists)`,
    )
    .addOption(
      new Option(
        '-u, --user <name:password>',
        'credentials for Basic authentication; over https, or to this machine',
      ).env('HOLDFAST_USER'),
    )
    .addOption(
      new Option('-B, --token <token>', 'token for Bearer authentication; over https, or to this machine').env(
        'HOLDFAST_TOKEN',
      ),
    );
}

/** Forgets a user of the environment where a token is given on the command line, and the other way round. */
function preferGiven(command: Command): void {
  const [user, token] = [command.getOptionValueSource('user'), command.getOptionValueSource('token')];
  if (user === 'env' && token === 'cli') command.setOptionValueWithSource('user', undefined, 'default');
  if (token === 'env' && user === 'cli') command.setOptionValueWithSource('token', undefined, 'default');
}

/**
 * The control port that the options mean.
 * @throws CliError for options that cannot be used
 */
export function controlTarget({ url, config, user, token }: ControlOptions): ControlTarget {
  const place = url === undefined ? configured(config) : given(url);
  const authorization = callerCredentials(user, token);
  // Whoever may connect to a unix socket needs none.
  if (place.socketPath !== null) return { ...place, authorization: null };
  if (authorization !== null && place.url.protocol !== 'https:' && !isLoopback(place.url.hostname)) {
    throw new CliError(CREDENTIALS_REFUSED, USAGE);
  }
  return { ...place, authorization };
}

type Place = Omit<ControlTarget, 'authorization'>;

function given(text: string): Place {
  if (text.startsWith('unix:') && text.length > 'unix:'.length) return socketAt(text.slice('unix:'.length));
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    // It may contain a password, so the error does not repeat it.
    throw new CliError('--url: expected http://HOST:PORT, https://HOST or unix:PATH, without credentials', USAGE);
  }
  return { name: url.origin, socketPath: null, url: new URL(url.origin) };
}

function configured(file: string | undefined): Place {
  const known = file ?? [OWN_FILE, SYSTEM_FILE].find((path) => existsSync(path));
  // The package lets only members of its group read it. Others may still publish where it listens by default.
  if (file === undefined && known === SYSTEM_FILE && !mayUse(SYSTEM_FILE, constants.R_OK)) {
    const place = placeAmong(controlListen(defaultConfig())) as Place;
    return { ...place, name: `${place.name} (the default, since ${SYSTEM_FILE} cannot be read)` };
  }
  const config = readable(known);
  const place = placeAmong(controlListen(config));
  if (place === null) {
    throw new CliError(
      `${known ?? 'the configuration'} has no control port: set listen under [control], or give --url`,
    );
  }
  return place;
}

/** A unix socket first, unless it is for others and there is a port. Null without any. */
function placeAmong(addresses: readonly ListenAddress[]): Place | null {
  const socket = addresses.find(({ kind }) => kind === 'unix');
  const port = addresses.find(({ kind }) => kind !== 'unix');
  const isForOthers = socket?.kind === 'unix' && existsSync(socket.path) && !mayUse(socket.path, constants.W_OK);
  const address = (isForOthers ? port : null) ?? socket ?? port;
  return address === undefined ? null : placeOf(address);
}

function mayUse(path: string, how: number): boolean {
  try {
    accessSync(path, how);
    return true;
  } catch {
    return false;
  }
}

function readable(file: string | undefined): Config {
  try {
    return readAnyConfig(file === undefined ? {} : { config: file }).config;
  } catch (error) {
    // The server runs with what was there before.
    if (!(error instanceof CliError)) throw error;
    const { message, exitCode, shown, problems } = error;
    const hint = '\nto reach the server all the same, say with --url where its control port is';
    throw new CliError(message + hint, exitCode, shown === message ? '' : 'error: ', problems);
  }
}

function placeOf(address: ListenAddress): Place {
  if (address.kind === 'unix') return socketAt(address.path);
  const { host, port } = address;
  // What listens on every interface can be reached on this one.
  const name = host === null || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const url = new URL(`http://${name.includes(':') ? `[${name}]` : name}:${port}`);
  return { name: url.origin, socketPath: null, url };
}

function socketAt(path: string): Place {
  return { name: `unix:${path}`, socketPath: path, url: new URL('http://localhost') };
}

/**
 * The value of the Authorization field for a user with a password, or for a token; null for neither.
 * @throws CliError for what cannot be sent; it never quotes a secret
 */
export function callerCredentials(user: string | undefined, token: string | undefined): string | null {
  if (user !== undefined && token !== undefined) throw new CliError('give --user or --token, not both', USAGE);
  if (user !== undefined) {
    if (!user.includes(':')) throw new CliError('--user: expected NAME:PASSWORD', USAGE);
    return `Basic ${Buffer.from(user).toString('base64')}`;
  }
  if (token === undefined) return null;
  if (!/^[!-~]+$/.test(token)) throw new CliError('--token: expected a token without spaces', USAGE);
  return `Bearer ${token}`;
}
