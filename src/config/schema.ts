import { z } from 'zod';
import { edgeFields } from './edge-fields.ts';
import { edgeSchema, edgeSection } from './edge-section.ts';
import { fetchSchema, fetchSection } from './fetch-section.ts';
import { FORWARDED_FOR_FORMS, forwardedForRule } from './forwarded-for.ts';
import { hasProxy } from './has-proxy.ts';
import { HOST_NAME_FORMS, parseHostName } from './host-name.ts';
import { formatListenAddress, LISTEN_FORMS, parseListenAddress } from './listen-address.ts';
import { listenCollisions } from './listen-collisions.ts';
import { logLevel } from './log-level.ts';
import { oneProcessReasons } from './one-process.ts';
import { publishSection } from './publish-section.ts';
import { checkRoutes, type Route, routeSchema } from './route.ts';
import { routesWithoutState } from './routes-without-state.ts';
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
import { formatServerListener, parseServerListener } from './server-listener.ts';
import { statsSection } from './stats-section.ts';
import { tlsFields } from './tls-fields.ts';
import { trustedProxies, UNTRUSTING, untrustingListener } from './trusted-proxies.ts';

import { endpointList } from './zhttp-fields.ts';
import { FETCH_STREAM_FORMS, formatFetchEndpoints, parseFetchEndpoints } from './zmq-endpoint.ts';

const listenAddresses = z.array(textCodec(LISTEN_FORMS, parseListenAddress, formatListenAddress), {
  error: complaint('a list of listen addresses'),
});

const serverListeners = z.array(textCodec(LISTEN_FORMS, parseServerListener, formatServerListener), {
  error: complaint('a list of listen addresses'),
});

/** Phrased to follow "expected". */
const ORIGINS = 'a list of origins such as "https://app.example.com"';
const BASIC = 'a list of "NAME:PASSWORD"';

const protocolHeaders = choice(['proto-only', 'true', 'false']);

/** Every section and key of the configuration file except the routes. */
export const sections = {
  server: {
    doc: 'Client connections.',
    shape: {
      listen: serverListeners.prefault(['7999']).register(fieldDocs, {
        doc: 'Addresses that clients of the proxy connect to; see [listen addresses](#listen-addresses). An empty list turns the proxy off, unless `zhttp` is set; then `[edge]` must listen, or `[fetch]` must have endpoints.',
        expected: `a list of ${LISTEN_FORMS}`,
      }),
      max_connections: count({
        default: 50_000,
        from: 1,
        to: 10_000_000,
        doc: 'Maximum number of client connections. Up to 1,024 more wait for their turn.',
      }),
      accept_timeout: seconds({
        default: 10,
        from: 0.1,
        to: 3600,
        doc: 'Maximum time that a connection over `max_connections` waits for its turn. Then it gets a 503 and is closed.',
      }),
      max_header_bytes: bytes({
        default: 16_384,
        from: 1024,
        to: 1_048_576,
        doc: 'Maximum size of the header block of a request. A larger one gets a 431.',
      }),
      max_headers: count({
        default: 128,
        from: 8,
        to: 10_000,
        doc: 'Maximum number of header fields of a request. A request with more gets a 431.',
      }),
      max_target_bytes: bytes({
        default: 8192,
        from: 256,
        to: 1_048_576,
        doc: 'Maximum size of a request target (path and query). A longer one gets a 414.',
      }),
      header_timeout: seconds({
        default: 10,
        from: 0.1,
        to: 3600,
        doc: 'Maximum time from the first byte of a request to the end of its header block. A slower request gets a 408.',
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
        doc: 'Maximum time without a byte of a request body that is expected. A slower request gets a 408.',
      }),
      write_timeout: seconds({
        default: 60,
        from: 0.1,
        to: 86_400,
        doc: 'Maximum time that a client reads nothing while bytes wait for it. Then the connection is cut.',
      }),
      request_timeout: seconds({
        default: 0,
        from: 0.1,
        to: 86_400,
        zero: 'for no limit',
        doc: 'Maximum time for a whole request to arrive, including its body. A slower request gets a 408.',
      }),
      pipeline_bytes: bytes({
        default: 65_536,
        from: 1024,
        to: 16_777_216,
        doc: 'Bytes of further requests that are kept on a connection while one is in progress. Beyond that nothing is read.',
      }),
      lenient_line_ends: flag({
        doc: 'Accept a bare line feed as the end of a header line. Otherwise the request gets a 400.',
      }),
      compression: flag({
        doc: 'Compress WebSocket messages for clients that offer it (permessage-deflate). Published messages are sent as they are, because they are written once for all clients.',
      }),
      ...edgeFields,
      ...tlsFields,
      trusted_proxies: trustedProxies(
        'Proxies in front. Of their requests the client is the last address in `X-Forwarded-For` that is not one of them, and `X-Forwarded-Proto` says whether it used TLS. Listeners with `proxy-protocol` take connections from them only. "unix" stands for every connection over a unix socket.',
      ),
      workers: count({
        default: 1,
        from: 1,
        to: 1024,
        doc: 'Processes that serve clients of the proxy. With 1 the main process serves them. With more, that many worker processes do; the main process takes what is published. Each worker has its share of `max_connections` and `message_rate`.',
      }),
      drain_timeout: seconds({
        default: 10,
        from: 0.1,
        to: 3600,
        zero: 'to wait for nothing',
        doc: 'Time for requests in flight to finish when the server stops.',
      }),
    },
  },
  control: {
    doc: 'The publish endpoint. Unless `bearer_key` or `basic` is set it has no authentication, so let only trusted programs reach it.',
    shape: {
      listen: listenAddresses.prefault(['127.0.0.1:5561']).register(fieldDocs, {
        doc: 'Addresses that publishers connect to. An empty list turns the endpoint off.',
        expected: `a list of ${LISTEN_FORMS}`,
      }),
      hosts: z
        .array(textCodec(HOST_NAME_FORMS, parseHostName, String), { error: complaint(`a list of ${HOST_NAME_FORMS}`) })
        .prefault([])
        .register(fieldDocs, {
          doc: 'Host names by which publishers address the control port, besides `localhost` and IP addresses. Requests with another name in `Host` get a 403, because a web page could have sent them. "*" allows any name.',
          expected: `a list of ${HOST_NAME_FORMS}`,
        }),
      origins: z
        .array(
          z
            .string({ error: complaint(ORIGINS) })
            .regex(/^https?:\/\/[^/\s]+$/, { error: complaint(ORIGINS) })
            .toLowerCase(),
          {
            error: complaint(ORIGINS),
          },
        )
        .default([])
        .register(fieldDocs, {
          doc: 'Origins of web pages that may publish. Pages of other sites get a 403.',
          expected: ORIGINS,
        }),
      bearer_key: secret({
        doc: 'Key that verifies the JWT of publishers (`Authorization: Bearer`): signed with HS256 if the key is a secret, else with the algorithm of the public key. A private key is refused. `exp` is required.',
      }),
      bearer_iss: plainText({ doc: 'Issuer that the JWT must name. If empty, any issuer is accepted.' }),
      basic: z
        .array(z.string({ error: () => BASIC }).regex(/^[^:\p{Cc}]+:\P{Cc}*$/u, { error: () => `expected ${BASIC}` }), {
          error: () => `expected ${BASIC}`,
        })
        .default([])
        .register(fieldDocs, {
          doc: 'Names and passwords of publishers (`Authorization: Basic`). If `bearer_key` is set too, either will do. Without TLS in front they pass the network readable.',
          expected: BASIC,
          secret: true,
        }),
      request_rate: count({
        default: 0,
        from: 1,
        to: 10_000_000,
        zero: 'for no limit',
        doc: 'Maximum number of publish requests a second, of all publishers together. As many may come at once after a pause. Further ones get a 429 with `Retry-After`.',
      }),
      max_header_bytes: bytes({
        default: 10_000,
        from: 1024,
        to: 1_048_576,
        doc: 'Maximum size of the header block of a publish request. A larger one gets a 400.',
      }),
      max_body_bytes: bytes({
        default: 1_000_000,
        from: 1024,
        to: 1_073_741_824,
        doc: 'Maximum size of the body of a publish request. A larger one gets a 413.',
      }),
      max_connections: count({
        default: 128,
        from: 1,
        to: 1_000_000,
        doc: 'Maximum number of publisher connections. Further ones wait, like those of clients.',
      }),
    },
  },
  publish: publishSection,
  proxy: {
    doc: 'Requests to the origins, and their responses.',
    shape: {
      debug: flag({ doc: 'Add the detail of the failure to the body of error responses, on every route.' }),
      auto_cross_origin: flag({
        doc: 'Let web pages of every site use every route, as `aco` does for one.',
      }),
      sockjs_url: plainText({
        default: 'http://cdn.jsdelivr.net/sockjs/0.3.4/sockjs.min.js',
        doc: 'Script of the SockJS client, which its iframe page loads.',
      }),
      connect_timeout: seconds({
        default: 5,
        from: 0.1,
        to: 3600,
        doc: 'Maximum time to connect to a target. Then the next target is tried.',
      }),
      response_timeout: seconds({
        default: 120,
        from: 0.1,
        to: 86_400,
        zero: 'for no limit',
        doc: 'Maximum time until the head of the response of an origin arrives. Then the request gets a 504.',
      }),
      body_timeout: seconds({
        default: 1800,
        from: 0.1,
        to: 86_400,
        doc: 'Maximum time without a byte of the response body from an origin. Then the response is cut off.',
      }),
      over_http_min_keep_alive: seconds({
        default: 20,
        from: 1,
        to: 86_400,
        doc: 'Smallest Keep-Alive-Interval of an origin that speaks WebSocket-over-HTTP. A shorter one counts as this.',
      }),
      pool_idle_timeout: seconds({
        default: 55,
        from: 0.1,
        to: 86_400,
        doc: 'Time that an idle connection to an origin is kept for the next request.',
      }),
      pool_max_idle: count({
        default: 256,
        from: 0,
        to: 1_000_000,
        doc: 'Maximum number of idle connections kept for each target. With 0 every request gets a new connection.',
      }),
      fetch: endpointList(FETCH_STREAM_FORMS, parseFetchEndpoints, formatFetchEndpoints)
        .prefault([])
        .register(fieldDocs, {
          doc: 'Endpoints of a fetch role that is another program, such as `holdfast zurl`, Zurl, or Condure with `--zserver-stream`, which makes all requests to origins over ZeroMQ (ZHTTP). If empty, they are made here. Only the key sets of `jwks` are fetched here all the same. Read at the start only. See the [guide](../how-to/roles.md).',
          expected: `a list of ${FETCH_STREAM_FORMS}`,
        }),
      max_response_header_bytes: bytes({
        default: 65_536,
        from: 1024,
        to: 1_048_576,
        doc: 'Maximum size of the header block of the response of an origin. A larger one is an error of the origin (502).',
      }),
      sig_iss: plainText({ default: 'pushpin', doc: 'Issuer in `Grip-Sig`.' }),
      sig_key: secret({ doc: 'Key that signs `Grip-Sig`. If empty, requests are not signed.' }),
      upstream_key: secret({
        doc: 'Key that verifies the `Grip-Sig` of a trusted GRIP proxy in front of this one, whose requests are passed on unchanged. If empty, no proxy is trusted.',
      }),
      accept_x_forwarded_protocol: flag({
        doc: 'Trust `X-Forwarded-Proto` and `X-Forwarded-Protocol` of clients, so that a request that came over TLS to a proxy in front counts as a TLS request.',
      }),
      set_x_forwarded_protocol: protocolHeaders.schema.default('proto-only').register(fieldDocs, {
        doc: 'Headers that tell an origin that the client uses TLS: `X-Forwarded-Proto`, both that and `X-Forwarded-Protocol` ("true"), or none.',
        expected: protocolHeaders.expected,
      }),
      x_forwarded_for: forwardedForRule.prefault(['truncate:0', 'append']).register(fieldDocs, {
        doc: "Changes to `X-Forwarded-For`: `truncate:N` keeps the last N addresses, then `append` adds the client's. If empty, the header passes unchanged, whatever a client wrote into it.",
        expected: FORWARDED_FOR_FORMS,
      }),
      x_forwarded_for_trusted: forwardedForRule.prefault(['append']).register(fieldDocs, {
        doc: 'The same for requests of a trusted proxy, whose own address is added; see `trusted_proxies` under `[server]` and `upstream_key`.',
        expected: FORWARDED_FOR_FORMS,
      }),
      routes_file: plainText({
        doc: "File with further routes in the notation of Pushpin's routes file: one [route line](#route-lines) on each line. A relative path begins at the working directory. It is read again when it changes, and at SIGHUP. A bad line is an error at the start; later it is logged, and the routes stay as they were.",
      }),
      share_all: flag({
        doc: 'Send equal requests of clients to the origin as one, while it has not responded: GET or HEAD requests with the same URI, credentials (`Authorization`, `Cookie`) and fields that `Vary` of the response names. Responses of the type `application/grip-instruct`, and those with `Set-Cookie`, `Cache-Control: private` or a `Vary` that names a field of proxies (`X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Protocol`, `Forwarded`, `Via`), over 100,000 bytes, or longer under way than a second are not shared.',
      }),
      accept_pushpin_route: flag({
        doc: 'Let clients choose a route by its id in the `Pushpin-Route` header, which is removed.',
      }),
      log_from: flag({
        doc: 'Add the address of the client to what the log says of a request, as `from`.',
      }),
      log_user_agent: flag({
        doc: 'Add the `User-Agent` of the client to what the log says of a request, as `ua`.',
      }),
      via: flag({
        default: true,
        doc: 'Add `Via` to requests, as HTTP requires of a gateway. An nginx origin does not compress responses to requests with `Via` unless `gzip_proxied` allows it.',
      }),
      cdn_loop: text({
        expected: 'a token or a host name, with ":PORT" after it if need be',
        fits: (value) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[0-9]{1,5})?$/.test(value),
        doc: 'Name that is appended to `CDN-Loop` on requests to origins. A request that already has it is in a loop, and gets a 508. If empty, `CDN-Loop` is not used.',
      }),
    },
  },
  hub: {
    doc: 'Held connections, and the items published to them.',
    shape: {
      connection_subscription_max: count({
        default: 20,
        from: 1,
        to: 100_000,
        doc: 'Maximum number of channels of one held connection. Further ones are ignored, counted and logged.',
      }),
      queue_items: count({
        default: 100,
        from: 1,
        to: 1_000_000,
        doc: 'Maximum number of items that wait for one slow client. Further ones are dropped for this client, counted and logged.',
      }),
      queue_bytes: bytes({
        default: 1_048_576,
        from: 1024,
        to: 1_073_741_824,
        doc: 'Maximum number of bytes that wait for one slow client. Further items are dropped as with `queue_items`.',
      }),
      message_wait: seconds({
        default: 5,
        from: 0.1,
        to: 3600,
        doc: 'Maximum time that an item waits for the one that its `prev-id` names. Then it is delivered without that one.',
      }),
      id_cache_ttl: seconds({
        default: 60,
        from: 0.1,
        to: 86_400,
        zero: 'to deliver repeated items',
        doc: 'Time for which the `id` of an item is remembered. An item with the same channel and `id` is not delivered again.',
      }),
      message_rate: count({
        default: 0,
        from: 1,
        to: 10_000_000,
        zero: 'for no limit',
        doc: 'Maximum number of deliveries a second to the clients of one route; routes without an `id` count together. An item for 100 clients is 100 deliveries. Further ones wait, and go out in batches, 40 a second.',
      }),
      message_hwm: count({
        default: 0,
        from: 1,
        to: 10_000_000,
        zero: 'to let publishers wait instead',
        doc: 'Maximum number of deliveries of one route that wait because of `message_rate`. Further ones are dropped, counted and logged.',
      }),
      message_block_size: bytes({
        default: 0,
        from: 1,
        to: 1_073_741_824,
        zero: 'to count items',
        doc: 'Size of a block. If set, a delivery counts towards `message_rate` and `message_hwm` as many times as its item has blocks. The size of an item is that of its content, unless its `size` says otherwise.',
      }),
      update_on_first_subscription: flag({
        doc: 'Send held requests to their origins again, and follow next links, a second after a channel gets its first client: an item may have been published before. The origin gets one request more for each such client.',
      }),
      subscription_linger: seconds({
        default: 60,
        from: 0.1,
        to: 86_400,
        zero: 'to forget it at once',
        doc: 'Time for which a channel is remembered after its last client, if that was a held request or if the last `id` is known. A client that comes back within this time is not the first one.',
      }),
    },
  },
  stats: statsSection,
  edge: edgeSection,
  fetch: fetchSection,
  log: {
    doc: 'The log.',
    shape: {
      level: logLevel.schema.default('info').register(fieldDocs, {
        doc: 'The lowest level that is logged.',
        expected: logLevel.expected,
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
    publish: table(sections.publish.shape).prefault({}),
    proxy: table(sections.proxy.shape).prefault({}),
    hub: table(sections.hub.shape).prefault({}),
    stats: table(sections.stats.shape).prefault({}),
    edge: edgeSchema.prefault({}),
    fetch: fetchSchema.prefault({}),
    log: table(sections.log.shape).prefault({}),
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
  decode: ({ route, ...rest }) => ({ ...rest, routes: route }),
  encode: ({ routes, ...rest }) => ({ ...rest, route: [...routes] }),
});

type File = z.output<typeof fileSchema>;

/** A valid configuration with all defaults filled in. Durations are in seconds, sizes in bytes. */
export interface Config extends Readonly<Omit<File, 'route'>> {
  readonly routes: readonly Route[];
}
