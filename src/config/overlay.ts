import { ConfigError, type ConfigIssue, keyName, type PathIssue } from './config-error.ts';
import { shown } from './plain-text.ts';
import { keyProblem } from './resolve-key.ts';
import { checkRoutes, type Route } from './route.ts';
import { parseRouteLine } from './route-line.ts';
import { routesWithoutState } from './routes-without-state.ts';
import type { Config } from './schema.ts';
import { camelName } from './section-fields.ts';
import { suggestion } from './suggest.ts';

/** A certificate and its key, both PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** What was set one at a time while the server ran, and is to be kept. It comes after the files, and its entries win. */
export interface Overlay {
  /** Route lines by id; null: the route with this id of the files is left out. */
  readonly routes: Readonly<Record<string, string | null>>;
  /** By server name, as in the folder of certificates. */
  readonly certificates: Readonly<Record<string, CertificatePair>>;
  /** By the key that they are the value of, such as `proxy.sig_key`. */
  readonly keys: Readonly<Record<string, string>>;
}

/** An overlay without anything. */
export const EMPTY_OVERLAY: Overlay = { routes: {}, certificates: {}, keys: {} };

/** The keys of sections whose value can be set by itself. */
export const OVERLAY_KEYS = ['control.bearer_key', 'proxy.sig_key', 'proxy.upstream_key'];

/** A name that can be the id of a route, or of a certificate, in a path of the control API. */
const NAME = /^[!-~]{1,253}$/;

/**
 * Reads the text of an overlay file.
 * @throws ConfigError that names the entries that are wrong
 */
export function parseOverlay(text: string, fileName: string): Overlay {
  const fail = (key: string, message: string): never => {
    throw new ConfigError(fileName, [{ key, line: null, message }]);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The message of the parser quotes the text, which has keys.
    return fail('', 'not valid JSON');
  }
  const tables = tableOf(value) ?? fail('', 'expected an object');
  const unknown = Object.keys(tables).find((name) => !Object.hasOwn(EMPTY_OVERLAY, name));
  if (unknown !== undefined) {
    return fail(unknown, `unknown key${suggestion(unknown, Object.keys(EMPTY_OVERLAY))}`);
  }
  const entries = (name: string): [string, unknown][] =>
    Object.entries(tableOf(tables[name] ?? {}) ?? fail(name, 'expected an object'));
  /** A name such as `__proto__` is one like any other here. */
  const table = <T>(name: string, read: (entry: unknown, key: string, entryName: string) => T) =>
    Object.fromEntries(entries(name).map(([key, entry]) => [key, read(entry, keyName([name, key]), key)]));
  return {
    routes: table('routes', (line, key) =>
      line === null || typeof line === 'string' ? line : fail(key, 'expected a route line'),
    ),
    certificates: table('certificates', (pair, place) => {
      const { cert, key } = tableOf(pair) ?? {};
      return typeof cert === 'string' && typeof key === 'string'
        ? { cert, key }
        : fail(place, 'expected an object with cert and key');
    }),
    keys: table('keys', (key, place, name) => {
      const problem = typeof key === 'string' ? overlayKeyProblem(name, key) : 'expected a key';
      return problem === null ? (key as string) : fail(place, problem);
    }),
  };
}

/** The text of the file of an overlay. */
export function formatOverlay({ routes, certificates, keys }: Overlay): string {
  return `${JSON.stringify({ routes, certificates, keys }, null, 1)}\n`;
}

/** What is wrong with a name in a path of the control API; null if nothing is. */
export function overlayNameProblem(name: string): string | null {
  return NAME.test(name) ? null : `expected 1 to 253 printable characters without spaces, got ${shown(name)}`;
}

/** What is wrong with a key of the overlay; null if nothing is. */
export function overlayKeyProblem(name: string, key: string): string | null {
  if (!OVERLAY_KEYS.includes(name)) {
    return `unknown key${suggestion(name, OVERLAY_KEYS) || `; expected one of ${OVERLAY_KEYS.join(', ')}`}`;
  }
  return keyProblem(key);
}

/**
 * The route of a line that is set under an id.
 * @throws ConfigError for a line that is no route, or that has another id
 */
export function overlayRoute(id: string, line: string): Route {
  const problem = overlayNameProblem(id);
  if (problem !== null) throw new ConfigError('', [{ key: 'id', line: null, message: problem }]);
  const route = parseRouteLine(line);
  if (route.id !== '' && route.id !== id) {
    const message = `expected the id ${shown(id)} or none, got ${shown(route.id)}`;
    throw new ConfigError('', [{ key: 'id', line: null, message }]);
  }
  return { ...route, id };
}

/**
 * The configuration with the routes and keys of an overlay. A route takes the place of all routes with its id; a new one comes last.
 * @throws ConfigError for entries that are wrong, or that do not go together with the files
 */
export function withOverlay(config: Config, overlay: Overlay, fileName: string): Config {
  const issues: ConfigIssue[] = [];
  const problem = (path: readonly PropertyKey[], message: string): void => {
    issues.push({ key: keyName(path), line: null, message });
  };
  const set = new Map<string, Route>();
  for (const [id, line] of Object.entries(overlay.routes)) {
    if (line === null) continue;
    try {
      set.set(id, overlayRoute(id, line));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const { key, message } of error.issues) problem(['routes', id], key === '' ? message : `${key}: ${message}`);
    }
  }
  const routes = config.routes.filter(({ id }) => !Object.hasOwn(overlay.routes, id));
  const own = routes.length;
  routes.push(...set.values());
  for (const { index, key, message } of [...checkRoutes(routes), ...routesWithoutState(config.publish.state, routes)]) {
    if (index >= own) problem(['routes', routes[index]?.id ?? ''], `${key}: ${message}`);
  }
  if (issues.length > 0) throw new ConfigError(fileName, issues);
  return withKeys({ ...config, routes }, overlay.keys);
}

/** Which of the keys that can be set have a value. */
export function setKeys(config: Config): ReadonlySet<string> {
  const isSet = (name: string): boolean => {
    const [section = '', field = ''] = name.split('.');
    const values = config[section as keyof Config] as unknown as Readonly<Record<string, unknown>>;
    return values[camelName(field)] !== '';
  };
  return new Set(OVERLAY_KEYS.filter(isSet));
}

function withKeys(config: Config, keys: Overlay['keys']): Config {
  const changed: Record<string, unknown> = { ...config };
  for (const [name, key] of Object.entries(keys)) {
    const [section = '', field = ''] = name.split('.');
    changed[section] = { ...(changed[section] as object), [camelName(field)]: key };
  }
  return changed as unknown as Config;
}

function tableOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** Where an issue of a configuration with an overlay is: the key in the overlay, or null for one of the files. */
export function overlayKey({ path: [section, index] }: PathIssue, config: Config, overlay: Overlay): string | null {
  if (section !== 'route' || typeof index !== 'number') return null;
  const { id = '' } = config.routes[index] ?? {};
  return Object.hasOwn(overlay.routes, id) ? keyName(['routes', id]) : null;
}
