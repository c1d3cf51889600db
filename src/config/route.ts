import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { textError } from './config-error.ts';
import { HEADER_FORMS, headerFields, TOKEN } from './header-fields.ts';
import { isHostName } from './host-port.ts';
import { logLevel } from './log-level.ts';
import { formatPathRewrite, parsePathRewrite, REWRITE_FORM } from './path-rewrite.ts';
import { shown } from './plain-text.ts';
import { checkTable, compressTable, jwtTable, limitTable, resumeTable } from './route-tables.ts';
import {
  camelKeys,
  choice,
  complaint,
  count,
  fieldDocs,
  flag,
  plainText,
  secret,
  text,
  textCodec,
} from './section-fields.ts';
import { formatTarget, isAuthority, parseTarget, TARGET_FORMS, targetName } from './target.ts';

const HOST_FORMS =
  '"*", a host name such as "example.com" or "*.example.com", or "" for a route reached only by its id';
/** What is wrong with a `sockjs_as_path` that no WebSocket gets. */
export const AS_PATH_ALONE = 'has no effect without sockjs';

const PATH_FORMS = 'a percent-encoded path that starts with "/", without query';

const proto = choice(['http', 'ws']);
const join = choice(['none', 'lines', 'json']);
const cursor = choice(['none', 'envelope']);
const slow = choice(['catch_up', 'drop', 'close']);
const jsonpMode = choice(['extended', 'basic']);
const balance = choice(['failover', 'round_robin', 'least_connections']);

/** The keys of a `[[route]]`: a condition, changes to its requests, and targets. A route line has the same properties. */
export const routeShape = {
  host: textCodec(HOST_FORMS, parseHost, (host) => host).register(fieldDocs, {
    doc: 'Host of the requests, without port, in any case. `*.example.com` matches every host below `example.com` that no route names. `*` matches every host that no other route matches. If empty, the route is chosen by its `id` only.',
    expected: HOST_FORMS,
  }),
  proto: z.nullable(proto.schema).default(null).register(fieldDocs, {
    doc: 'Only plain HTTP requests, or only WebSocket handshakes. Such a route comes before one without `proto`.',
    expected: proto.expected,
  }),
  ssl: z
    .nullable(z.boolean({ error: complaint('true or false') }))
    .default(null)
    .register(fieldDocs, {
      doc: 'Only requests that came over TLS (true), or only those that did not (false). In a route line: `ssl=yes`, `ssl=no`.',
      expected: 'true or false',
    }),
  path_beg: text({
    expected: PATH_FORMS,
    fits: isPath,
    doc: 'Prefix of the path, compared byte by byte: `/api` also matches `/apiary`. The longest match wins. If empty, any path matches.',
  }),
  id: plainText({
    doc: 'Name of the route in the log, and for `accept_pushpin_route`.',
  }),
  sig_iss: plainText({
    doc: 'Issuer in `Grip-Sig`. If empty, that of `[proxy]`.',
  }),
  sig_key: secret({ doc: 'Key that signs `Grip-Sig`. If empty, that of `[proxy]`.' }),
  prefix: plainText({
    doc: 'Prefix for every channel that an origin names on this route. Publishers use the name with the prefix.',
  }),
  orig_headers: flag({
    doc: 'Also send the origin a copy of each header of the client, with the prefix `eb9bf0f5-` in its name.',
  }),
  as_host: text({
    expected: 'a host name, with ":PORT" after it if need be',
    fits: isAuthority,
    doc: 'Value of `Host` for the origin. If empty, that of the client.',
  }),
  path_rem: count({
    default: 0,
    from: 0,
    to: 8192,
    doc: 'Number of characters removed from the start of the path before the request goes to the origin.',
  }),
  replace_beg: z
    .nullable(
      z
        .string({ error: complaint(PATH_FORMS) })
        .refine((path) => path === '' || isPath(path), { error: complaint(PATH_FORMS) }),
    )
    .default(null)
    .register(fieldDocs, {
      doc: 'Replacement for `path_beg` before the request goes to the origin; may be empty. Cannot be combined with `path_rem`.',
      expected: PATH_FORMS,
    }),
  rewrite: z
    .nullable(textCodec(REWRITE_FORM, parsePathRewrite, formatPathRewrite))
    .default(null)
    .register(fieldDocs, {
      doc: 'Changes paths that match a pattern: `/users/{id}/{rest*} /people/{id}/{rest}`. `{id}` is one segment of any name, `{rest*}` all that is left. Other paths stay as they are. Cannot be combined with `path_rem` or `replace_beg`.',
      expected: REWRITE_FORM,
    }),
  log_level: logLevel.schema.default('debug').register(fieldDocs, {
    doc: 'Level at which the requests of the route are logged. In a route line a number, from 0 for `error` to 3 for `debug`.',
    expected: logLevel.expected,
  }),
  join: join.schema.default('none').register(fieldDocs, {
    doc: 'How several items that a held request has missed become one response, where channels have a [history](#channel): not at all, so that each poll gets one; their bodies as lines; or their bodies, which must be JSON, as one JSON array, and then a response with a single item is an array too. The headers are those of the last item. Items with a `code` other than 200, with `body-patch`, `content-filters` or `Grip-Expose-Headers` are not joined, nor any for clients with filters.',
    expected: join.expected,
  }),
  cursor: cursor.schema.default('none').register(fieldDocs, {
    doc: 'How WebSockets get the messages that are published: as they are, or each in an [envelope](../how-to/channel-history.md#websockets), a JSON object with its channel and, where the channel has a [history](#channel), its cursor. What the origin itself sends stays as it is.',
    expected: cursor.expected,
  }),
  slow: slow.schema.default('catch_up').register(fieldDocs, {
    doc: 'What happens to the WebSocket or event stream of a client for which more waits than `queue_items` or `queue_bytes`. `catch_up`: it gets items of channels with a [history](#channel) from there, at its own pace; others are dropped. `drop`: items are dropped for this client. `close`: its stream ends after what waits, its WebSocket is closed with 1013 and, where a channel has a history, with the cursor as the reason.',
    expected: slow.expected,
  }),
  no_log: flag({ doc: 'Leave the requests of the route out of the access log.' }),
  debug: flag({ doc: 'Add the detail of the failure to the body of error responses.' }),
  no_grip: flag({ doc: 'Only proxy: do not sign requests, and pass GRIP responses through unchanged.' }),
  session: flag({
    doc: 'Find the session of requests by the rules of `Grip-Session-Detect`, and keep its last ids, in the service at `state` of `[publish]`, which this needs.',
  }),
  half_close: flag({
    doc: 'Keep the hold of a client that closes only its sending side, and the SockJS session of one that waits. Otherwise such a client counts as gone, because browsers and curl never close only one side.',
  }),
  header: headerFields.prefault({}).register(fieldDocs, {
    doc: "Headers to set on requests to the origin in place of the client's; an empty value removes the header. In a route line: `header=NAME:VALUE`, repeated for each.",
    expected: HEADER_FORMS,
  }),
  jwt: z.nullable(jwtTable).default(null).register(fieldDocs, {
    doc: 'Which requests may pass: see [`[route.jwt]`](#routejwt). Not in a route line.',
    expected: 'a table',
  }),
  limit: z.nullable(limitTable).default(null).register(fieldDocs, {
    doc: 'How many requests a client may send: see [`[route.limit]`](#routelimit). Not in a route line.',
    expected: 'a table',
  }),
  compress: z.nullable(compressTable).default(null).register(fieldDocs, {
    doc: 'Which responses are compressed: see [`[route.compress]`](#routecompress). Not in a route line.',
    expected: 'a table',
  }),
  resume: z.nullable(resumeTable).default(null).register(fieldDocs, {
    doc: 'Which event streams of the origin clients can come back to: see [`[route.resume]`](#routeresume). Not in a route line.',
    expected: 'a table',
  }),
  aco: flag({
    doc: 'Let web pages of every site use this route: add the `Access-Control-` headers (CORS) that the origin leaves out, for the site that asks, with its cookies, and respond to JSONP requests. Only for routes whose responses any site may read.',
  }),
  jsonp_mode: jsonpMode.schema.default('extended').register(fieldDocs, {
    doc: 'With `aco`: what the callback of JSONP gets. `extended`: an object with `code`, `reason`, `headers` and `body`. `basic`: the body alone, which has to be JSON.',
    expected: jsonpMode.expected,
  }),
  jsonp_cb: plainText({
    default: 'callback',
    doc: 'With `aco`: query parameter that names the callback of JSONP.',
  }),
  jsonp_body: plainText({
    doc: 'With `aco`: query parameter that holds the request body of JSONP, which is JSON. If empty, `_body`, of any type.',
  }),
  jsonp_defcb: text({
    expected: 'a name in JavaScript',
    fits: isCallback,
    doc: 'With `aco`: callback of requests that have the parameter of `jsonp_body` and name no callback.',
  }),
  jsonp_defmethod: text({
    expected: 'a method',
    fits: (method) => TOKEN.test(method),
    doc: 'With `aco`: method of JSONP requests without `_method`. If empty, GET, in basic mode POST.',
  }),
  check: z.nullable(checkTable).default(null).register(fieldDocs, {
    doc: 'Checks of the targets, of which there must be several: see [`[route.check]`](#routecheck). Not in a route line.',
    expected: 'a table',
  }),
  sockjs: text({
    expected: PATH_FORMS,
    fits: isPath,
    doc: 'Path below which SockJS is served. Its sessions are WebSockets for the targets.',
  }),
  sockjs_as_path: text({
    expected: PATH_FORMS,
    fits: isPath,
    doc: 'With `sockjs`: path of the WebSockets at the targets, which `path_rem`, `replace_beg` and `rewrite` leave alone. If empty, that of `sockjs`, with `/websocket` after it for clients with a WebSocket.',
  }),
  balance: balance.schema.default('failover').register(fieldDocs, {
    doc: 'Which of several targets gets a request: the first in the list, each in turn, or the one with the fewest requests in progress. A target that refuses connections is passed over for 1 to 30 seconds; then one request at a time finds out whether it is back.',
    expected: balance.expected,
  }),
  targets: z
    .array(textCodec(TARGET_FORMS, parseTarget, formatTarget), { error: complaint('a list of targets') })
    .min(1, { error: () => 'at least one target is needed, such as "localhost:8000"' })
    .register(fieldDocs, {
      doc: 'Origin servers. If no connection to one can be made, the next one is tried. See [targets](#targets).',
      expected: `a list of ${TARGET_FORMS}`,
    }),
};

/** A route in TOML. */
export const routeSchema = camelKeys(
  z.strictObject(routeShape, { error: complaint('a table') }).superRefine((route, context) => {
    const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    if (route.check !== null) {
      if (route.targets.length === 1) problem('check', 'needs several targets');
      const unchecked = route.targets.find(({ kind }) => kind !== 'http');
      if (unchecked !== undefined) problem('check', `the target "${unchecked.kind}" cannot be checked`);
    }
    if (route.limit !== null && route.limit.by !== 'address' && route.jwt === null)
      problem('limit', `by = "${route.limit.by}" needs [route.jwt], which verifies the token`);
    if (route.resume !== null && route.proto === 'ws')
      problem('resume', 'has no effect on WebSockets, and the route takes nothing else');
    if (route.cursor !== 'none') {
      if (route.no_grip) problem('cursor', 'has no effect together with no_grip');
      else if (route.proto === 'http' && route.sockjs === '')
        problem('cursor', 'has no effect on plain HTTP, and the route takes nothing else');
    }
    if (route.host === '' && route.id === '') problem('host', 'a route without a host needs an id');
    if (route.path_rem > 0 && route.replace_beg !== null)
      problem('replace_beg', 'cannot be used together with path_rem');
    if (route.rewrite !== null && (route.path_rem > 0 || route.replace_beg !== null))
      problem('rewrite', 'cannot be used together with path_rem or replace_beg');
    if (route.sockjs_as_path !== '' && route.sockjs === '') problem('sockjs_as_path', AS_PATH_ALONE);
  }),
);

/** A route: which requests it takes, how they change, and where they go. An empty text means "not set". */
export type Route = z.output<typeof routeSchema>;

/** Targets over ZeroMQ of all routes, each with sockets of its own: as many as Pushpin allows. */
const MAX_HANDLERS = 100;

/** A conflict between a route and those before it. */
export interface RouteConflict {
  readonly index: number;
  readonly key: 'host' | 'id' | 'targets' | 'session';
  readonly message: string;
}

/**
 * Finds routes that could never be chosen: those with the same condition as an earlier one (host, proto, ssl and path_beg), and those without
 * a host whose id another route has. Finds those too with more targets over ZeroMQ than are left.
 */
export function checkRoutes(routes: readonly Route[]): RouteConflict[] {
  const conflicts: RouteConflict[] = [];
  const conditions = new Set<string>();
  const ids = new Map<string, number>();
  const handlers = new Set<string>();
  for (const { id } of routes) ids.set(id, (ids.get(id) ?? 0) + 1);
  routes.forEach((route, index) => {
    const added = route.targets.filter(({ kind }) => kind === 'zhttp' || kind === 'zhttpreq').map(targetName);
    if (new Set([...handlers, ...added]).size > MAX_HANDLERS) {
      const message = `all routes together may have at most ${MAX_HANDLERS} targets over ZeroMQ`;
      conflicts.push({ index, key: 'targets', message });
    } else {
      for (const name of added) handlers.add(name);
    }
    if (route.host === '') {
      if ((ids.get(route.id) ?? 0) > 1) {
        const message = `another route has the id ${shown(route.id)}, and a route without a host is only found by its id`;
        conflicts.push({ index, key: 'id', message });
      }
      return;
    }
    const condition = JSON.stringify([route.host, route.proto, route.ssl, route.pathBeg]);
    if (conditions.has(condition)) {
      const message = `an earlier route has the same condition (host ${shown(route.host)}, path_beg ${shown(route.pathBeg)}, and the same proto and ssl)`;
      conflicts.push({ index, key: 'host', message });
    }
    conditions.add(condition);
  });
  return conflicts;
}

/** Whether `text` may be the callback of JSONP: nothing but names and members, so that no request makes other code of it. */
export function isCallback(text: string): boolean {
  return /^[A-Za-z0-9_$.[\]]{1,256}$/.test(text);
}

function isPath(text: string): boolean {
  return /^\/[!-~]*$/.test(text) && !/[?#]/.test(text);
}

function parseHost(text: string): string {
  const host = text.toLowerCase();
  if (host === '' || host === '*' || isHostName(host)) return host;
  if (host.startsWith('[') && host.endsWith(']') && isIPv6(host.slice(1, -1))) return host;
  if (host.startsWith('*.') && isHostName(host.slice(2))) return host;
  let hint = '';
  if (host.includes('*')) hint = '; a wildcard stands alone before the first dot';
  else if (isAuthority(host)) hint = '; the port is not part of it';
  else if (/[^\0-\x7f]/.test(host)) hint = '; write an international name in its "xn--" form';
  throw textError(`expected ${HOST_FORMS}, got ${shown(text)}${hint}`);
}
