import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'smol-toml';
import { z } from 'zod';
import { channelShape } from './channel-rule.ts';
import { pathsError } from './config-error.ts';
import { isHeaderHidden, isHidden } from './is-hidden.ts';
import { schemaIssues } from './issues.ts';
import { shortServer } from './mongrel2-text.ts';
import { routeSchema, routeShape } from './route.ts';
import { routeTables } from './route-tables.ts';
import { type Config, configSchema, sections } from './schema.ts';
import { webhookShape } from './webhook.ts';

type Table = Record<string, unknown>;

/**
 * Writes a configuration as TOML that `loadConfig` reads back as the same configuration: all keys of all sections, and the set keys of each
 * route and each Mongrel2 server. With `mask`, a secret becomes a comment that says that it is set, so nothing can be mistaken for its value. With `short`, keys with
 * their defaults are left out. With `sourceOf` a comment says where a route is from, unless that is null.
 * @throws ConfigError for a configuration that no file could give
 */
export function formatConfig(
  config: Config,
  options: {
    readonly mask?: boolean;
    readonly short?: boolean;
    readonly sourceOf?: (index: number) => string | null;
  } = {},
): string {
  const encoded = z.safeEncode(configSchema, config);
  if (!encoded.success) throw pathsError(schemaIssues(encoded.error));
  const { route, channel, webhook, ...rest }: Table = encoded.data;
  const all = withShortServers(rest);
  const tables = options.short === true ? withoutDefaults(all) : all;
  const mask = options.mask === true ? randomUUID() : null;
  if (mask !== null) {
    for (const [name, { shape }] of Object.entries(sections)) maskSecrets((tables[name] ?? {}) as Table, shape, mask);
  }
  const routes = (route as Table[]).map((table) => {
    if (mask !== null) {
      maskSecrets(table, routeShape, mask);
      for (const [name, shape] of Object.entries(routeTables)) {
        if (table[name] !== null) maskSecrets(table[name] as Table, shape, mask);
      }
    }
    return Object.fromEntries(Object.entries(table).filter(([key, value]) => !isDefault(key, value)));
  });
  const rules = (channel as Table[]).map((rule) => withoutDefaultsOf(channelShape, rule));
  if (mask !== null) for (const hook of webhook as Table[]) maskSecrets(hook, webhookShape, mask);
  const hooks = (webhook as Table[]).map((hook) => withoutDefaultsOf(webhookShape, hook));
  const lists = {
    ...(rules.length > 0 && { channel: rules }),
    ...(hooks.length > 0 && { webhook: hooks }),
    ...(routes.length > 0 && { route: routes }),
  };
  const plain = `${stringify({ ...tables, ...lists }).trimEnd()}\n`;
  const text = options.sourceOf === undefined ? plain : withSources(plain, options.sourceOf);
  return mask === null ? text : text.replace(new RegExp(`^(.*) = "${mask}"$`, 'gm'), '# $1 is set, and not shown');
}

/** Texts in TOML have no line ends here, so a line that begins a route is one. */
function withSources(text: string, sourceOf: (index: number) => string | null): string {
  let index = 0;
  return text.replace(/^\[\[route\]\]$/gm, (line) => {
    const source = sourceOf(index++);
    return source === null ? line : `# from ${source}\n${line}`;
  });
}

/** The value of a key in TOML, on one line. */
export function formatValue(value: unknown): string {
  // Inside nested lists a table is written inline.
  return stringify({ value: [[value]] }).slice('value = [ [ '.length, -' ] ]\n'.length);
}

const plainRoute: Table = z.encode(routeSchema, routeSchema.parse({ host: '*', targets: ['localhost:1'] }));

/** A table without the keys that have their defaults. Required ones have none. */
function withoutDefaultsOf(shape: Readonly<Record<string, z.ZodType>>, table: Table): Table {
  const isPlain = (key: string, value: unknown): boolean =>
    isDeepStrictEqual(value, shape[key]?.safeParse(undefined).data);
  return Object.fromEntries(Object.entries(table).filter(([key, value]) => !isPlain(key, value)));
}

function isDefault(key: string, value: unknown): boolean {
  return key !== 'host' && key !== 'targets' && isDeepStrictEqual(value, plainRoute[key]);
}

/** The sections with the set keys of each Mongrel2 server; without any there is no list of them. */
function withShortServers({ edge, ...others }: Table): Table {
  const { mongrel2, ...keys } = edge as Table;
  const servers = (mongrel2 as Table[]).map(shortServer);
  return { ...others, edge: servers.length === 0 ? keys : { ...keys, mongrel2: servers } };
}

/** The sections with the keys that are not as in an empty file. */
function withoutDefaults(tables: Table): Table {
  const plain: Table = z.encode(configSchema, configSchema.parse({}));
  const changed = Object.entries(tables).map(([name, table]) => {
    const defaults = plain[name] as Table;
    const keys = Object.entries(table as Table).filter(([key, value]) => !isDeepStrictEqual(value, defaults[key]));
    return [name, Object.fromEntries(keys)] as const;
  });
  return Object.fromEntries(changed.filter(([, table]) => Object.keys(table).length > 0));
}

/** Replaces the secrets of a table with `mask`. */
function maskSecrets(table: Table, shape: z.ZodRawShape, mask: string): void {
  for (const [key, schema] of Object.entries(shape)) {
    if (isHidden(schema, table[key])) table[key] = mask;
  }
  for (const [name, value] of Object.entries((table.header ?? {}) as Table)) {
    if (isHeaderHidden(value)) (table.header as Table)[name] = mask;
  }
}
