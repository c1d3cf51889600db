import { z } from 'zod';
import { edgeSchema, edgeSection } from './edge-section.ts';
import { fetchSchema, fetchSection } from './fetch-section.ts';
import { FORWARDED_FOR_FORMS, forwardedForRule } from './forwarded-for.ts';
import { HOST_NAME_FORMS, parseHostName } from './host-name.ts';
import { formatListenAddress, LISTEN_FORMS, parseListenAddress } from './listen-address.ts';
import { listenCollisions } from './listen-collisions.ts';
import { checkRoutes, type Route, routeSchema } from './route.ts';
import {
  bytes,
  choice,
  complaint,
  count,
  fieldDocs,
  flag,
  plainText,
  seconds,
  secret,
  table,
  text,
  textCodec,
} from './section-fields.ts';

const listenAddresses = z.array(textCodec(LISTEN_FORMS, parseListenAddress, formatListenAddress), {
  error: complaint('a list of listen addresses'),
});

const level = choice(['error', 'warn', 'info', 'debug']);
const protocolHeaders = choice(['proto-only', 'true', 'false']);

/** Every section and key of the configuration file except the routes. */
export const sections = {
  server: {
    doc: 'Client connections.',
    shape: {
      listen: listenAddresses.prefault(['7999']).register(fieldDocs, {
        doc: 'Where clients of the proxy connect. An empty list: the proxy is off; then `[edge]` must listen, or `[fetch]` have endpoints.',
        expected: `a list of ${LISTEN_FORMS}`,
      }),
      max_connections: count({
        default: 50_000,
        from: 1,
        to: 10_000_000,
        doc: 'Client connections that are served at the same time. Up to 1,024 more wait for their turn, unread.',
      }),
      accept_timeout: seconds({
        default: 10,
        from: 0.1,
        to: 3600,
        doc: 'Time that a connection over `max_connections` waits for its turn. Afterwards it is answered 503 and closed.',
      }),
      max_header_bytes: bytes({
        default: 16_384,
        from: 1024,
        to: 1_048_576,
        doc: "Size of a request's header block. A larger one is answered 431.",
      }),
      max_headers: count({
        default: 128,
        from: 8,
        to: 10_000,
        doc: 'Header fields of a request. More are answered 431.',
      }),
      max_target_bytes: bytes({
        default: 8192,
        from: 256,
        to: 1_048_576,
        doc: 'Size of a request target (path and query). A longer one is answered 414.',
      }),
      header_timeout: seconds({
        default: 10,
        from: 0.1,
        to: 3600,
        doc: "Time for a request's header block to arrive once its first byte has. Afterwards the request is answered 408.",
      }),
      idle_timeout: seconds({
        default: 75,
        from: 0.1,
        to: 86_400,
        doc: 'Time without a request after which a connection is closed.',
      }),
      body_timeout: seconds({
        default: 60,
        from: 0.1,
        to: 86_400,
        doc: 'Time without a byte of a request body that is being waited for. Afterwards the request is answered 408.',
      }),
      write_timeout: seconds({
        default: 60,
        from: 0.1,
        to: 86_400,
        doc: 'Time during which a client takes nothing of what waits for it. Afterwards the connection is cut.',
      }),
      request_timeout: seconds({
        default: 0,
        from: 0.1,
        to: 86_400,
        zero: 'for no limit',
        doc: 'Time for a whole request, with its body, to arrive. Afterwards it is answered 408.',
      }),
      pipeline_bytes: bytes({
        default: 65_536,
        from: 1024,
        to: 16_777_216,
        doc: 'Bytes of further requests on a connection that are kept while one is answered. Beyond that nothing is read.',
      }),
      lenient_line_ends: flag({
        doc: 'Take a line feed alone as the end of a header line, which is otherwise answered 400.',
      }),
      drain_timeout: seconds({
        default: 10,
        from: 0.1,
        to: 3600,
        zero: 'to wait for nothing',
        doc: 'Time that requests in flight have to finish when the server stops.',
      }),
    },
  },
  control: {
    doc: 'The publish endpoint. It has no authentication: let only trusted programs reach it.',
    shape: {
      listen: listenAddresses.prefault(['127.0.0.1:5561']).register(fieldDocs, {
        doc: 'Where publishers connect. An empty list: nowhere.',
        expected: `a list of ${LISTEN_FORMS}`,
      }),
      hosts: z
        .array(textCodec(HOST_NAME_FORMS, parseHostName, String), { error: complaint(`a list of ${HOST_NAME_FORMS}`) })
        .prefault([])
        .register(fieldDocs, {
          doc: 'Host names by which publishers address the control port, besides `localhost` and IP addresses. Requests with another name in `Host` are refused with 403, because a web page could be behind them. "*" for any name.',
          expected: `a list of ${HOST_NAME_FORMS}`,
        }),
      max_header_bytes: bytes({
        default: 10_000,
        from: 1024,
        to: 1_048_576,
        doc: "Size of a publish request's header block. A larger one is answered 400.",
      }),
      max_body_bytes: bytes({
        default: 1_000_000,
        from: 1024,
        to: 1_073_741_824,
        doc: "Size of a publish request's body. A larger one is answered 413.",
      }),
      max_connections: count({
        default: 128,
        from: 1,
        to: 1_000_000,
        doc: "Publishers' connections that are served at the same time. Further ones wait, as those of clients do.",
      }),
    },
  },
  proxy: {
    doc: 'Requests on their way to the origins, and the responses.',
    shape: {
      debug: flag({ doc: 'Say in the body of error responses what exactly went wrong, on every route.' }),
      connect_timeout: seconds({
        default: 5,
        from: 0.1,
        to: 3600,
        doc: 'Time for a connection to a target to be made. Afterwards the next target is tried.',
      }),
      response_timeout: seconds({
        default: 120,
        from: 0.1,
        to: 86_400,
        zero: 'for no limit',
        doc: "Time for the head of an origin's response to arrive. Afterwards the request is answered 504.",
      }),
      body_timeout: seconds({
        default: 1800,
        from: 0.1,
        to: 86_400,
        doc: 'Time without a byte of a response body from the origin. Afterwards the response is cut off.',
      }),
      pool_idle_timeout: seconds({
        default: 55,
        from: 0.1,
        to: 86_400,
        doc: 'Time that an unused connection to an origin is kept for the next request.',
      }),
      pool_max_idle: count({
        default: 256,
        from: 0,
        to: 1_000_000,
        doc: 'Unused connections kept for each target. 0: a new connection for every request.',
      }),
      max_response_header_bytes: bytes({
        default: 65_536,
        from: 1024,
        to: 1_048_576,
        doc: "Size of the header block of an origin's response. A larger one counts as an error of the origin (502).",
      }),
      sig_iss: plainText({ default: 'pushpin', doc: 'Issuer in `Grip-Sig`.' }),
      sig_key: secret({ doc: 'Key that signs `Grip-Sig`. Empty: requests are not signed.' }),
      upstream_key: secret({
        doc: 'Key that tells a trusted GRIP proxy in front by its `Grip-Sig`: what comes from it is passed on unchanged. Empty: none is trusted.',
      }),
      accept_x_forwarded_protocol: flag({
        doc: 'Believe `X-Forwarded-Proto` and `X-Forwarded-Protocol` of clients: a request that came over TLS to a proxy in front counts as one.',
      }),
      set_x_forwarded_protocol: protocolHeaders.schema.default('proto-only').register(fieldDocs, {
        doc: 'What tells an origin that the client uses TLS: `X-Forwarded-Proto`, that and `X-Forwarded-Protocol` ("true"), or nothing.',
        expected: protocolHeaders.expected,
      }),
      x_forwarded_for: forwardedForRule.prefault([]).register(fieldDocs, {
        doc: "What happens to `X-Forwarded-For`: `truncate:N` keeps the last N addresses, then `append` adds the client's. Empty: it passes unchanged.",
        expected: FORWARDED_FOR_FORMS,
      }),
      x_forwarded_for_trusted: forwardedForRule.prefault([]).register(fieldDocs, {
        doc: 'The same for requests that `upstream_key` shows to be from a trusted proxy.',
        expected: FORWARDED_FOR_FORMS,
      }),
      accept_pushpin_route: flag({
        doc: 'Let clients choose a route by its id in a `Pushpin-Route` header, which is then removed.',
      }),
      via: flag({
        default: true,
        doc: 'Add `Via` to requests, as HTTP asks of a gateway. An nginx origin does not compress responses to requests with `Via`, unless its `gzip_proxied` says so.',
      }),
      cdn_loop: text({
        expected: 'a token or a host name, with ":PORT" after it if need be',
        fits: (value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[0-9]{1,5})?$/.test(value),
        doc: 'Name of this proxy that is appended to `CDN-Loop` on requests to origins. A request that has it there already goes in a circle, and is answered 508. Empty: none.',
      }),
    },
  },
  hub: {
    doc: 'Held connections and what is published to them.',
    shape: {
      connection_subscription_max: count({
        default: 20,
        from: 1,
        to: 100_000,
        doc: 'Channels of one held connection. More are ignored, counted and logged.',
      }),
      queue_items: count({
        default: 100,
        from: 1,
        to: 1_000_000,
        doc: 'Published items that wait for one slow client. Further ones are dropped for this client, counted and logged.',
      }),
      queue_bytes: bytes({
        default: 1_048_576,
        from: 1024,
        to: 1_073_741_824,
        doc: 'Bytes of the items that wait for one slow client. Further items are dropped as with `queue_items`.',
      }),
    },
  },
  edge: edgeSection,
  fetch: fetchSection,
  log: {
    doc: 'The log.',
    shape: {
      level: level.schema.default('info').register(fieldDocs, {
        doc: 'The least important messages that are written.',
        expected: level.expected,
      }),
    },
  },
};

const routes = z
  .array(routeSchema, { error: complaint('tables, each under [[route]]') })
  .superRefine((list, context) => {
    for (const { index, key, message } of checkRoutes(list)) {
      context.addIssue({ code: 'custom', path: [index, key], message });
    }
  })
  .default([]);

const fileSchema = z
  .strictObject({
    server: table(sections.server.shape).prefault({}),
    control: table(sections.control.shape).prefault({}),
    proxy: table(sections.proxy.shape).prefault({}),
    hub: table(sections.hub.shape).prefault({}),
    edge: edgeSchema.prefault({}),
    fetch: fetchSchema.prefault({}),
    log: table(sections.log.shape).prefault({}),
    route: routes,
  })
  .superRefine((file, context) => {
    for (const { section, index, message } of listenCollisions(file)) {
      context.addIssue({ code: 'custom', path: [section, 'listen', index], message });
    }
  })
  .superRefine(({ server, edge, fetch }, context) => {
    if (server.listen.length > 0 || edge.listen.length > 0 || fetch.stream.length > 0 || fetch.req.length > 0) return;
    const message =
      'nobody could connect: give an address, such as "7999", let [edge] listen, or give [fetch] endpoints';
    context.addIssue({ code: 'custom', path: ['server', 'listen'], message });
  });

/** The configuration file, and back: `[[route]]` in TOML is `routes` in the code, where all keys are in camelCase. */
export const configSchema = z.codec(fileSchema, z.custom<Config>(), {
  decode: ({ route, ...rest }) => ({ ...rest, routes: route }),
  encode: ({ routes, ...rest }) => ({ ...rest, route: [...routes] }),
});

type File = z.output<typeof fileSchema>;

/** A valid configuration with all defaults filled in. Durations are in seconds, sizes in bytes. */
export interface Config extends Readonly<Omit<File, 'route'>> {
  readonly routes: readonly Route[];
}
