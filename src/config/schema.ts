import { z } from 'zod';
import { accessLogSection } from './access-log-section.ts';
import { acmeIssues } from './acme-names.ts';
import { acmeSection } from './acme-section.ts';
import { type ChannelTable, channelSchema } from './channel-rule.ts';
import { clusterIssues } from './cluster-issues.ts';
import { clusterSection } from './cluster-section.ts';
import { controlSection } from './control-section.ts';
import { edgeSchema, edgeSection } from './edge-section.ts';
import { fetchSchema, fetchSection } from './fetch-section.ts';
import { hasProxy } from './has-proxy.ts';
import { historySection } from './history-section.ts';
import { hubSection } from './hub-section.ts';
import { listenCollisions } from './listen-collisions.ts';
import { logLevel } from './log-level.ts';
import { oneProcessReasons } from './one-process.ts';
import { proxySection } from './proxy-section.ts';
import { publishSection } from './publish-section.ts';
import { checkRoutes, type Route, routeSchema } from './route.ts';
import { routesWithoutState } from './routes-without-state.ts';
import { complaint, fieldDocs, table } from './section-fields.ts';
import { serverSection } from './server-section.ts';
import { stateSection } from './state-section.ts';
import { statsSection } from './stats-section.ts';
import { traceSection } from './trace-section.ts';
import { UNTRUSTING, untrustingListener } from './trusted-proxies.ts';
import { type WebhookTable, webhooksSchema } from './webhook.ts';

// A schema is used a few times in the life of a process: to generate code for each would take a tenth of the time to start.
z.config({ jitless: true });

/** Every section and key of the configuration file except the routes. */
export const sections = {
  server: serverSection,
  control: controlSection,
  publish: publishSection,
  proxy: proxySection,
  hub: hubSection,
  history: historySection,
  cluster: clusterSection,
  stats: statsSection,
  trace: traceSection,
  edge: edgeSection,
  fetch: fetchSection,
  acme: acmeSection,
  state: stateSection,
  log: {
    doc: 'The log.',
    shape: {
      level: logLevel.schema.default('info').register(fieldDocs, {
        doc: 'The lowest level that is logged.',
        expected: logLevel.expected,
      }),
    },
  },
  access_log: accessLogSection,
};

const routes = z
  .array(routeSchema, { error: complaint('tables, each under [[route]]') })
  .superRefine((list, context) => {
    // Routes that are invalid by themselves may lack their defaults.
    const invalid = new Set(context.issues.map(({ path }) => path?.[0]));
    for (const { index, key, message } of checkRoutes(list)) {
      if (invalid.has(index)) continue;
      context.addIssue({ code: 'custom', path: [index, key], message });
    }
  })
  .default([]);

const channels = z.array(channelSchema, { error: complaint('tables, each under [[channel]]') }).default([]);

const fileSchema = z
  .strictObject({
    server: table(sections.server.shape).prefault({}),
    control: table(sections.control.shape).prefault({}),
    publish: table(sections.publish.shape).prefault({}),
    proxy: table(sections.proxy.shape).prefault({}),
    hub: table(sections.hub.shape).prefault({}),
    history: table(sections.history.shape).prefault({}),
    cluster: table(sections.cluster.shape).prefault({}),
    stats: table(sections.stats.shape).prefault({}),
    trace: table(sections.trace.shape).prefault({}),
    edge: edgeSchema.prefault({}),
    fetch: fetchSchema.prefault({}),
    acme: table(sections.acme.shape).prefault({}),
    state: table(sections.state.shape).prefault({}),
    log: table(sections.log.shape).prefault({}),
    access_log: table(sections.access_log.shape).prefault({}),
    channel: channels,
    webhook: webhooksSchema,
    route: routes,
  })
  .superRefine((file, context) => {
    // Mongrel2 servers that are invalid by themselves are still the tables of the file.
    const { edge } = file;
    const read = context.issues.length === 0 ? file : { ...file, edge: { ...edge, mongrel2: [] } };
    for (const { path, earlier, message } of listenCollisions(read)) {
      context.addIssue({ code: 'custom', path: [...path], params: { other: earlier }, message });
    }
  })
  .superRefine(({ server }, context) => {
    // Sections that are invalid by themselves already have an issue.
    if (context.issues.length > 0) return;
    const index = untrustingListener(server.listen, server.trustedProxies);
    if (index >= 0) context.addIssue({ code: 'custom', path: ['server', 'listen', index], message: UNTRUSTING });
  })
  .superRefine(({ server, acme, proxy, route }, context) => {
    // Routes of a file of their own are not known yet: the start looks at all.
    if (context.issues.length > 0 || proxy.routesFile !== '') return;
    for (const { path, message } of acmeIssues({ server, acme, routes: route }))
      context.addIssue({ code: 'custom', path: [...path], message });
  })
  .superRefine(({ history }, context) => {
    if (context.issues.length > 0 || (history.store === 'disk') === (history.path !== '')) return;
    const message = history.path === '' ? 'is needed with store = "disk"' : 'has no effect with store = "memory"';
    context.addIssue({ code: 'custom', path: ['history', 'path'], message });
  })
  .superRefine((file, context) => {
    if (context.issues.length > 0) return;
    for (const { path, message } of clusterIssues(file)) context.addIssue({ code: 'custom', path: [...path], message });
  })
  .superRefine(({ publish, route }, context) => {
    if (context.issues.length > 0) return;
    for (const { index, key, message } of routesWithoutState(publish.state, route))
      context.addIssue({ code: 'custom', path: ['route', index, key], message });
  })
  .superRefine(({ server, publish, proxy, route }, context) => {
    if (context.issues.length > 0 || server.workers === 1) return;
    const problem = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: ['server', key], message });
    };
    if (server.maxConnections < server.workers) {
      problem('max_connections', `must not be less than the number of workers, ${server.workers}`);
    }
    for (const reason of oneProcessReasons({ server, proxy, publish }, route))
      problem('workers', `must be 1 ${reason}`);
  })
  .superRefine(({ server, edge, fetch }, context) => {
    if (hasProxy(server) || edge.listen.length > 0 || edge.mongrel2.length > 0) return;
    if (fetch.stream.length > 0 || fetch.req.length > 0) return;
    const message =
      'no client could connect: give an address, such as "7999", let [edge] listen or have Mongrel2 servers, or give [fetch] endpoints';
    context.addIssue({ code: 'custom', path: ['server', 'listen'], message });
  });

/** The configuration file, and back: `[[route]]` in TOML is `routes` in the code, where all keys are in camelCase. */
export const configSchema = z.codec(fileSchema, z.custom<Config>(), {
  decode: ({ route, channel, webhook, access_log: accessLog, ...rest }) => ({
    ...rest,
    accessLog,
    channels: channel,
    webhooks: webhook,
    routes: route,
  }),
  encode: ({ routes, channels: rules, webhooks, accessLog, ...rest }) => ({
    ...rest,
    access_log: accessLog,
    channel: [...rules],
    webhook: [...webhooks],
    route: [...routes],
  }),
});

type File = z.output<typeof fileSchema>;

/** A valid configuration with all defaults filled in. Durations are in seconds, sizes in bytes. */
export interface Config extends Readonly<Omit<File, 'route' | 'channel' | 'webhook' | 'access_log'>> {
  readonly accessLog: File['access_log'];
  /** In their order: the first that matches a channel counts. */
  readonly channels: readonly ChannelTable[];
  readonly webhooks: readonly WebhookTable[];
  readonly routes: readonly Route[];
}
