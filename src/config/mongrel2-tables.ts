import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { parseHostPort } from './host-port.ts';
import {
  handlerShape,
  siteHostShape,
  siteRouteShape,
  siteServerShape,
  siteSettingsShape,
  siteTlsShape,
} from './mongrel2-fields.ts';
import { shown } from './plain-text.ts';
import { complaint, fieldDocs, table } from './section-fields.ts';
import { suggestion } from './suggest.ts';

const strict = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape, { error: complaint('a table') });

const routeTable = strict(siteRouteShape);
const handlerTable = strict(handlerShape);
const settingsTable = table(siteSettingsShape);
const tlsTable = strict(siteTlsShape);

/** A route in TOML. */
export type RouteTable = z.output<typeof routeTable>;
/** A handler in TOML, without its name. */
export type HandlerTable = z.output<typeof handlerTable>;

/** What of a route is for folders only. */
const DIR_KEYS = ['index_file', 'default_type', 'cache_ttl', 'follow_links'] as const;

/** The keys of a route without a target. */
export const plainRoute = routeTable.parse({ path: '/' });

const hostTable = strict({
  ...siteHostShape,
  route: z
    .array(routeTable.superRefine(checkRoute), { error: complaint('a list of tables') })
    .min(1, { error: () => 'at least one route is needed, such as { path = "/", dir = "static" }' })
    .register(fieldDocs, {
      doc: 'Where requests go: a list of tables, each with one of `handler`, `proxy` and `dir`. Their order does not matter, except for patterns after the same prefix.',
      expected: 'a list of tables',
    }),
});

/** A virtual host in TOML. */
export type HostTable = z.output<typeof hostTable>;

/** The keys of `[[edge.mongrel2]]`. */
export const mongrel2Shape = {
  ...siteServerShape,
  settings: settingsTable.prefault({}).register(fieldDocs, {
    doc: 'Limits and switches: see [`[edge.mongrel2.settings]`](#edgemongrel2settings).',
    expected: 'a table',
  }),
  tls: z.nullable(tlsTable).default(null).register(fieldDocs, {
    doc: 'TLS of all connections: see [`[edge.mongrel2.tls]`](#edgemongrel2tls).',
    expected: 'a table',
  }),
  handler: z
    .record(z.string(), handlerTable, { error: complaint('tables, each under [edge.mongrel2.handler.NAME]') })
    .prefault({})
    .register(fieldDocs, {
      doc: 'Handlers by name: see [`[edge.mongrel2.handler.NAME]`](#edgemongrel2handlername).',
      expected: 'tables',
    }),
  host: z
    .array(hostTable, { error: complaint('tables, each under [[edge.mongrel2.host]]') })
    .min(1, { error: () => 'at least one host is needed' })
    .register(fieldDocs, {
      doc: 'Virtual hosts: see [`[[edge.mongrel2.host]]`](#edgemongrel2host).',
      expected: 'tables',
    }),
};

/** A server in TOML, checked. */
export const serverTable = strict(mongrel2Shape).superRefine(checkServer);

/** A server in TOML. */
export type ServerTable = z.output<typeof serverTable>;

/** The keys of the tables of a server, by the headings that the reference has for them. */
export const mongrel2Tables = {
  '[[edge.mongrel2]]': mongrel2Shape,
  '[edge.mongrel2.handler.NAME]': handlerShape,
  '[[edge.mongrel2.host]]': hostTable.shape,
  '[[edge.mongrel2.host.route]]': siteRouteShape,
  '[edge.mongrel2.tls]': siteTlsShape,
  '[edge.mongrel2.settings]': siteSettingsShape,
};

function checkRoute(route: RouteTable, context: z.RefinementCtx): void {
  const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
  const targets = (['handler', 'proxy', 'dir'] as const).filter((key) => route[key] !== '');
  if (targets.length === 0) problem('path', 'a target is missing: one of handler, proxy and dir');
  if (targets.length > 1) problem(String(targets[1]), `cannot be used together with ${targets[0]}`);
  if (route.dir === '') {
    for (const key of DIR_KEYS) if (route[key] !== plainRoute[key]) problem(key, 'needs dir');
  }
  try {
    if (route.proxy !== '') parseHostPort(route.proxy, 1);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problem('proxy', error.message);
  }
}

function checkServer(server: ServerTable, context: z.RefinementCtx): void {
  // Values that are invalid by themselves already have an issue.
  if (context.issues.length > 0) return;
  const problem = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
  const unused = new Set(Object.keys(server.handler));
  const names = Object.keys(server.handler);
  const hosts = new Set<string>();
  for (const [index, host] of server.host.entries()) {
    const matching = (host.matching || host.name).toLowerCase();
    if (hosts.has(matching))
      problem(['host', index, host.matching === '' ? 'name' : 'matching'], 'another host has the same');
    hosts.add(matching);
    const paths = new Set<string>();
    for (const [at, { path, handler }] of host.route.entries()) {
      if (paths.has(path)) problem(['host', index, 'route', at, 'path'], 'another route of the host has the same');
      paths.add(path);
      unused.delete(handler);
      if (handler === '' || names.includes(handler)) continue;
      problem(['host', index, 'route', at, 'handler'], `no handler ${shown(handler)}${suggestion(handler, names)}`);
    }
  }
  for (const name of unused) problem(['handler', name], 'no route names this handler');
  const hostNames = server.host.map(({ name }) => name);
  if (server.default_host !== '' && !hostNames.includes(server.default_host)) {
    problem(['default_host'], `no host ${shown(server.default_host)}${suggestion(server.default_host, hostNames)}`);
  }
  if (server.tls !== null && server.listen.kind === 'unix') problem(['tls'], 'cannot be used with a unix socket');
  if (server.tls?.client_required && server.tls.client_ca === '')
    problem(['tls', 'client_required'], 'needs client_ca');
}
