import { FORWARDED_FOR_FORMS, forwardedForRule } from './forwarded-for.ts';
import { poolIdleTimeout, poolMaxIdle } from './pool-fields.ts';
import { bytes, choice, fieldDocs, flag, plainText, seconds, secret, text } from './section-fields.ts';
import { endpointList } from './zhttp-fields.ts';
import { FETCH_STREAM_FORMS, formatFetchEndpoints, parseFetchEndpoints } from './zmq-endpoint.ts';

const protocolHeaders = choice(['proto-only', 'true', 'false']);

/** The `[proxy]` section: its keys, and what they are for. */
export const proxySection = {
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
    pool_idle_timeout: poolIdleTimeout(),
    pool_max_idle: poolMaxIdle('target'),
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
    resume_max_bytes: bytes({
      default: 268_435_456,
      from: 65_536,
      to: 1_099_511_627_776,
      doc: 'Maximum size of the logs of all streams that can be resumed (`[route.resume]`), in each process. Beyond it streams that nobody reads are discarded, the one that was left first before the others. If all are being read, further responses are not logged, and pass without event ids. In a cluster also the size of all streams at the broker.',
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
      doc: 'Send equal requests of clients to the origin as one, while it has not responded: GET or HEAD requests with the same URI, credentials (`Authorization`, `Cookie`) and fields that `Vary` of the response names, and with a content coding `Accept-Encoding` too. Responses of the type `application/grip-instruct`, and those with `Set-Cookie`, `Cache-Control: private` or a `Vary` that names a field of proxies (`X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Protocol`, `Forwarded`, `Via`), over 100,000 bytes, or longer under way than a second are not shared.',
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
};
