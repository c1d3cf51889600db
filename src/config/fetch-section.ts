import { z } from 'zod';
import { DNS_SERVER_FORMS, formatDnsServer, parseDnsServer } from './dns-server.ts';
import { EXPRESSION_FORMS, parseExpression } from './policy-expression.ts';
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

const expressions = (doc: string) =>
  z
    .array(
      textCodec(EXPRESSION_FORMS, parseExpression, (expression) => expression),
      { error: complaint('a list of expressions') },
    )
    .prefault([])
    .register(fieldDocs, { doc, expected: `a list of expressions: ${EXPRESSION_FORMS}` });

const shape = {
  stream: endpointList(FETCH_STREAM_FORMS, parseFetchEndpoints, formatFetchEndpoints)
    .prefault([])
    .register(fieldDocs, {
      doc: 'Endpoints of stream mode: `ipc://PATH` stands for that path with `-in` (PULL), `-in-stream` (ROUTER) and `-out` (PUB) after it, `tcp://HOST:PORT` for this port and the next two; or all three are given. Where neither this nor `req` has any, the role is off.',
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
    doc: 'Name of this role. It stands in each response of stream mode, and the further messages of a session go to it. Two roles that share requesters need different names.',
  }),
  ipc_file_mode: ipcFileMode(),
  in_hwm: count({
    default: 1000,
    from: 1,
    to: 10_000_000,
    zero: 'for no limit',
    doc: 'Messages of one requester that are taken while requests wait because of `max_open_requests`. Further ones stay with the requester.',
  }),
  out_hwm: count({
    default: 1000,
    from: 1,
    to: 10_000_000,
    zero: 'for no limit',
    doc: 'Messages that wait for one requester or subscriber. Further ones are dropped for it, and counted; with `router-resp` they wait instead.',
  }),
  max_open_requests: count({
    default: 2000,
    from: 1,
    to: 10_000_000,
    zero: 'for no limit',
    doc: 'Requests and WebSockets at the same time. At this number no further ones are read until one ends: requesters wait, and get no error.',
  }),
  buffer_size: bytes({
    default: 200_000,
    from: 1024,
    to: 268_435_456,
    doc: 'Bytes that a requester is granted of a request body, or of what it sends on a WebSocket, before they are taken. Also the size of a WebSocket frame of an origin; a larger one fails with `frame-too-large`.',
  }),
  messages_max: count({
    default: 100,
    from: 1,
    to: 1_000_000,
    doc: 'WebSocket messages, pings and pongs of a requester that wait for an origin that takes nothing. One more ends the WebSocket.',
  }),
  max_body_bytes: bytes({
    default: 16_777_216,
    from: 1,
    to: 1_073_741_824,
    doc: 'Size of a response body that goes out in one message: in req mode, and in stream mode without `stream`. A larger one fails with `undefined-condition`. The body of a rejected WebSocket is cut at this size.',
  }),
  max_packet_bytes: bytes({
    default: 16_777_216,
    from: PACKET_FIELDS_BYTES,
    to: 1_073_741_824,
    doc: `Size of a message of a requester, body included. A larger one is refused. At least \`buffer_size\` and ${PACKET_FIELDS_BYTES} more.`,
  }),
  max_headers: count({
    default: 128,
    from: 8,
    to: 10_000,
    doc: 'Header fields of a request, where a message with more is refused, and of an answer, where more are an error of the origin.',
  }),
  max_response_header_bytes: bytes({
    default: 65_536,
    from: 1024,
    to: 1_048_576,
    doc: "Size of the header block of an origin's answer. A larger one is an error of the origin.",
  }),
  lenient_line_ends: flag({
    doc: 'Take a line feed alone as the end of a line in the head of an answer, which is otherwise an error of the origin.',
  }),
  timeout: seconds({
    default: 600,
    from: 0.1,
    to: 86_400,
    zero: 'for no limit',
    doc: 'Time in which no byte of a body or a WebSocket message moves, in either direction. Afterwards the request fails with `session-timeout`.',
  }),
  request_timeout: seconds({
    default: 0,
    from: 0.1,
    to: 86_400,
    zero: 'for no limit',
    doc: 'Time for a whole HTTP request, its answer included; a request may ask for less by its own `timeout`. Afterwards it fails with `session-timeout`.',
  }),
  session_timeout: seconds({
    default: 60,
    from: 0.1,
    to: 86_400,
    doc: 'Time in stream mode after which a silent requester is taken to be gone: its streamed request or WebSocket is aborted. A requester gets a keep-alive after half of it. Requests for a response in one message need none.',
  }),
  connect_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Time for a connection to an origin to be made, with the look-up of its name and TLS. Afterwards the request fails with `connection-timeout`.',
  }),
  response_timeout: seconds({
    default: 0,
    from: 0.1,
    to: 86_400,
    zero: 'for no limit but `timeout`',
    doc: "Time for the head of an origin's answer to arrive once the request is sent. Afterwards the request fails with `connection-timeout`.",
  }),
  close_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: "Time for an origin's part of the closing handshake of a WebSocket. Afterwards the connection is cut.",
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
    doc: 'Unused connections kept for each origin. 0: a new connection for every request.',
  }),
  pool_max_total: count({
    default: 2048,
    from: 0,
    to: 1_000_000,
    doc: 'Unused connections kept in all. 0: a new connection for every request.',
  }),
  connection_max_time: seconds({
    default: 7200,
    from: 1,
    to: 31_536_000,
    zero: 'for no limit',
    doc: 'Age after which a connection to an origin is not used for another request, so that changes in DNS are seen.',
  }),
  allow_ipv6: flag({ default: true, doc: 'Connect to IPv6 addresses too.' }),
  dns_servers: z
    .array(textCodec(DNS_SERVER_FORMS, parseDnsServer, formatDnsServer), { error: complaint('a list of addresses') })
    .prefault([])
    .register(fieldDocs, {
      doc: "DNS servers that look up the names of origins. An empty list: the system's resolver does, with its hosts file.",
      expected: `a list of addresses, each ${DNS_SERVER_FORMS.replace('an address ', '')}`,
    }),
  default_policy: policy.schema.default('allow').register(fieldDocs, {
    doc: 'What becomes of a host or address that no rule of `allow` or `deny` names; see [policy](#policy).',
    expected: policy.expected,
  }),
  allow: expressions('Hosts and addresses that may be reached.'),
  deny: expressions('Hosts and addresses that must not be reached.'),
  allow_internal: flag({
    doc: 'Let requests go to internal addresses too: loopback, private, link-local with the metadata services of clouds, and all others that are not of the public internet. Otherwise only those that `allow` names can be reached.',
  }),
  allow_ignore_policies: flag({
    doc: 'Obey `ignore-policies` of a request: everybody who can send requests can then reach everything. Otherwise the policy holds for it too.',
  }),
  decompress: flag({
    default: true,
    doc: 'Ask origins for compressed answers, and decompress them.',
  }),
  compression: flag({ doc: 'Offer compression of messages when a WebSocket is opened (permessage-deflate).' }),
};

/** The `[fetch]` section: its keys, and what they are for. */
export const fetchSection = {
  doc: 'Outbound requests: makes the HTTP requests and WebSockets that come as messages over ZeroMQ (ZHTTP), as Zurl does. It runs beside the other roles, or alone where `listen` of `[server]` is an empty list. See the [guide](../how-to/fetch.md).',
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
