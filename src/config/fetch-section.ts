import { z } from 'zod';
import { DNS_SERVER_FORMS, formatDnsServer, parseDnsServer } from './dns-server.ts';
import { policyRule, RULE_FORMS } from './policy-rule.ts';
import { poolIdleTimeout, poolMaxIdle } from './pool-fields.ts';
import { bytes, camelKeys, choice, complaint, count, fieldDocs, flag, seconds, textCodec } from './section-fields.ts';
import { endpointList, ipcFileMode, zhttpId } from './zhttp-fields.ts';
import {
  ENDPOINT_FORMS,
  FETCH_STREAM_FORMS,
  formatFetchEndpoints,
  parseFetchEndpoints,
  parseZmqEndpoint,
} from './zmq-endpoint.ts';

/** Bytes of a packet besides its body. */
const PACKET_FIELDS_BYTES = 65_536;

const policy = choice(['allow', 'deny']);

const rules = (doc: string) =>
  z
    .array(
      textCodec(RULE_FORMS, policyRule, (rule) => rule),
      { error: complaint('a list of rules') },
    )
    .prefault([])
    .register(fieldDocs, { doc, expected: `a list of rules: ${RULE_FORMS}` });

const shape = {
  stream: endpointList(FETCH_STREAM_FORMS, parseFetchEndpoints, formatFetchEndpoints)
    .prefault([])
    .register(fieldDocs, {
      doc: 'Endpoints of stream mode: `ipc://PATH` stands for that path with `-in` (PULL), `-in-stream` (ROUTER) and `-out` (PUB) after it, `tcp://HOST:PORT` for this port and the next two; or all three are given. If both this and `req` are empty, the role is off.',
      expected: `a list of ${FETCH_STREAM_FORMS}`,
    }),
  req: endpointList(ENDPOINT_FORMS, parseZmqEndpoint, (endpoint) => endpoint)
    .prefault([])
    .register(fieldDocs, {
      doc: 'Endpoints of req mode (ROUTER): one message with a request, one with its response.',
      expected: `a list of ${ENDPOINT_FORMS}`,
    }),
  connect: flag({ doc: 'Connect to these endpoints. Otherwise they are bound, and requesters connect.' }),
  id: zhttpId({
    doc: 'Name of this role. Sent in every stream-mode response; requesters address later messages of the session to it. Roles that share requesters need different names.',
  }),
  ipc_file_mode: ipcFileMode(),
  in_hwm: count({
    default: 1000,
    from: 1,
    to: 10_000_000,
    zero: 'for no limit',
    doc: 'Maximum number of messages that are read from one requester while requests wait because of `max_open_requests`. Further ones stay with the requester.',
  }),
  out_hwm: count({
    default: 1000,
    from: 1,
    to: 10_000_000,
    zero: 'for no limit',
    doc: 'Maximum number of messages that wait for one requester or subscriber. Further ones are dropped for it and counted; with `router-resp` they wait instead.',
  }),
  max_open_requests: count({
    default: 2000,
    from: 1,
    to: 10_000_000,
    zero: 'for no limit',
    doc: 'Maximum number of requests and WebSockets at the same time. At the limit, new requests are not read until one ends. Requesters wait, and get no error.',
  }),
  buffer_size: bytes({
    default: 200_000,
    from: 1024,
    to: 268_435_456,
    doc: 'Bytes of a request body, or of WebSocket messages, that a requester may send before the origin takes them. Also the maximum size of a WebSocket frame of an origin; a larger one fails with `frame-too-large`.',
  }),
  messages_max: count({
    default: 100,
    from: 1,
    to: 1_000_000,
    doc: 'Maximum number of WebSocket messages, pings and pongs of a requester that wait for a slow origin. One more ends the WebSocket.',
  }),
  max_body_bytes: bytes({
    default: 16_777_216,
    from: 1,
    to: 1_073_741_824,
    doc: 'Maximum size of a response body that is sent in one message: in req mode, and in stream mode without `stream`. A larger one fails with `undefined-condition`. The body of a rejected WebSocket is cut at this size.',
  }),
  max_packet_bytes: bytes({
    default: 16_777_216,
    from: PACKET_FIELDS_BYTES,
    to: 1_073_741_824,
    doc: `Maximum size of a message of a requester, including its body. A larger one is refused. The value must be at least \`buffer_size\` plus ${PACKET_FIELDS_BYTES}.`,
  }),
  max_headers: count({
    default: 128,
    from: 8,
    to: 10_000,
    doc: 'Maximum number of header fields. A request with more is refused; a response with more is an error of the origin.',
  }),
  max_response_header_bytes: bytes({
    default: 65_536,
    from: 1024,
    to: 1_048_576,
    doc: 'Maximum size of the header block of the response of an origin. A larger one is an error of the origin.',
  }),
  lenient_line_ends: flag({
    doc: 'Accept a bare line feed as the end of a line in the head of a response. Otherwise it is an error of the origin.',
  }),
  timeout: seconds({
    default: 600,
    from: 0.1,
    to: 86_400,
    zero: 'for no limit',
    doc: 'Maximum time in which no byte of a body or a WebSocket message moves in either direction. Then the request fails with `session-timeout`.',
  }),
  request_timeout: seconds({
    default: 0,
    from: 0.1,
    to: 86_400,
    zero: 'for no limit',
    doc: 'Maximum time for a whole HTTP request, including its response. Then it fails with `session-timeout`. A request may ask for less with its own `timeout`.',
  }),
  session_timeout: seconds({
    default: 60,
    from: 0.1,
    to: 86_400,
    doc: 'Time in stream mode after which a silent requester counts as gone, and its streamed request or WebSocket is aborted. Requesters get keep-alives after half of this time. Requests for a response in one message need no keep-alives.',
  }),
  connect_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Maximum time to connect to an origin, including the DNS lookup and TLS. Then the request fails with `connection-timeout`.',
  }),
  response_timeout: seconds({
    default: 0,
    from: 0.1,
    to: 86_400,
    zero: 'for no limit but `timeout`',
    doc: 'Maximum time from sending a request until the head of its response arrives. Then the request fails with `connection-timeout`.',
  }),
  close_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Maximum time that an origin takes to complete the closing handshake of a WebSocket. Then the connection is cut.',
  }),
  pool_idle_timeout: poolIdleTimeout(),
  pool_max_idle: poolMaxIdle('origin'),
  pool_max_total: count({
    default: 2048,
    from: 0,
    to: 1_000_000,
    doc: 'Maximum number of idle connections kept in all. With 0 every request gets a new connection.',
  }),
  connection_max_time: seconds({
    default: 7200,
    from: 1,
    to: 31_536_000,
    zero: 'for no limit',
    doc: 'Age after which a connection to an origin is not reused, so that changes in DNS take effect.',
  }),
  allow_ipv6: flag({ default: true, doc: 'Connect to IPv6 addresses too.' }),
  dns_servers: z
    .array(textCodec(DNS_SERVER_FORMS, parseDnsServer, formatDnsServer), { error: complaint('a list of addresses') })
    .prefault([])
    .register(fieldDocs, {
      doc: "DNS servers for the names of origins. If empty, the system's resolver is used, including the hosts file.",
      expected: `a list of addresses, each ${DNS_SERVER_FORMS.replace('an address ', '')}`,
    }),
  default_policy: policy.schema.default('allow').register(fieldDocs, {
    doc: 'Action for hosts and addresses that match no rule; see [policy](#policy).',
    expected: policy.expected,
  }),
  allow: rules('Hosts and addresses that requests may go to.'),
  deny: rules('Hosts and addresses that requests must not go to.'),
  allow_internal: flag({
    doc: 'Allow requests to internal addresses: loopback, private, link-local with the metadata services of clouds, and all others that are not on the public internet. Otherwise only those that `allow` names can be reached.',
  }),
  allow_ignore_policies: flag({
    doc: 'Honor `ignore-policies` in a request. Then every requester can reach every address. Otherwise the policy applies to these requests too.',
  }),
  decompress: flag({
    default: true,
    doc: 'Ask origins for compressed responses, and decompress them.',
  }),
  compression: flag({ doc: 'Offer permessage-deflate when opening a WebSocket.' }),
};

/** The `[fetch]` section: its keys, and what they are for. */
export const fetchSection = {
  doc: 'Outbound requests. Holdfast makes the HTTP requests and WebSockets that arrive as messages over ZeroMQ (ZHTTP), as Zurl does. This role runs beside the others, or alone if `listen` of `[server]` is an empty list. See the [guide](../how-to/fetch.md).',
  shape,
};

/** The `[fetch]` table in TOML. */
export const fetchSchema = camelKeys(
  z.strictObject(shape, { error: complaint('a table') }).superRefine((fetch, context) => {
    // Values that are invalid by themselves already have an issue.
    if (context.issues.length > 0) return;
    const least = fetch.buffer_size + PACKET_FIELDS_BYTES;
    if (fetch.max_packet_bytes >= least) return;
    const message = `must be at least ${least}, so that ${fetch.buffer_size} bytes of body (buffer_size) fit`;
    context.addIssue({ code: 'custom', path: ['max_packet_bytes'], message });
  }),
);
