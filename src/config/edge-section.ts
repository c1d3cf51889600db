import { z } from 'zod';
import { EDGE_LISTENER_FORMS, formatEdgeListener, parseEdgeListener } from './edge-listener.ts';
import { mongrel2Servers } from './mongrel2-section.ts';
import { bytes, camelKeys, complaint, count, fieldDocs, flag, seconds, textCodec } from './section-fields.ts';
import { tlsFields } from './tls-fields.ts';
import { trustedProxies, UNTRUSTING, untrustingListener } from './trusted-proxies.ts';
import { endpointList, ipcFileMode, MAX_ID_BYTES, zhttpId } from './zhttp-fields.ts';
import { BASE_FORMS, ENDPOINT_FORMS, parseStreamBase, parseZmqEndpoint } from './zmq-endpoint.ts';

/** Connections of both modes together. */
const MAX_CONNECTIONS = 10_000_000;

const endpoints = (forms: string, parse: (text: string) => string) =>
  endpointList(forms, parse, (endpoint) => endpoint)
    .min(1, { error: () => 'at least one endpoint is needed, such as "ipc://client"' })
    .prefault(['ipc://client']);

const shape = {
  listen: z
    .array(textCodec(EDGE_LISTENER_FORMS, parseEdgeListener, formatEdgeListener), {
      error: complaint('a list of listen specs'),
    })
    .prefault([])
    .register(fieldDocs, {
      doc: 'Addresses that clients connect to; see [listen specs](#listen-specs). An empty list turns this off.',
      expected: `a list of ${EDGE_LISTENER_FORMS}`,
    }),
  id: zhttpId({
    doc: 'Name of this edge, to which handlers address their packets. Edges that share handlers need different names.',
  }),
  zclient_req: endpoints(ENDPOINT_FORMS, parseZmqEndpoint).register(fieldDocs, {
    doc: 'Endpoints of handlers in req mode (DEALER). Used if a listener has `req`.',
    expected: `a list of ${ENDPOINT_FORMS}`,
  }),
  zclient_stream: endpoints(BASE_FORMS, parseStreamBase).register(fieldDocs, {
    doc: 'Bases of the endpoints of handlers in stream mode: `ipc://PATH` stands for that path with `-out` (PUSH), `-out-stream` (ROUTER) and `-in` (SUB) after it, `tcp://HOST:PORT` for this port and the next two. Used if a listener has `stream`.',
    expected: `a list of ${BASE_FORMS}`,
  }),
  zclient_connect: flag({ doc: 'Connect to these endpoints. Otherwise they are bound, and handlers connect.' }),
  ipc_file_mode: ipcFileMode(),
  req_maxconn: count({
    default: 100,
    from: 1,
    to: MAX_CONNECTIONS,
    doc: 'Maximum number of connections in req mode. Up to 1,024 more wait for their turn.',
  }),
  stream_maxconn: count({
    default: 10_000,
    from: 1,
    to: MAX_CONNECTIONS,
    doc: 'The same in stream mode. Each of the two must be at least `workers`, and their sum at most 10000000.',
  }),
  buffer_size: bytes({
    default: 8192,
    from: 1024,
    to: 16_777_216,
    doc: 'Bytes that may wait on a connection in each direction. It is the maximum size of a header block; a larger one gets a 431. It also bounds unread input of the client, and the body bytes that a handler may send before the client has read them. A handler that exceeds it causes an error only when more than 64 KB wait.',
  }),
  body_buffer_size: bytes({
    default: 100_000,
    from: 1,
    to: 1_073_741_824,
    doc: 'Maximum size of a body in req mode. A larger request gets a 413, a larger response becomes a 502.',
  }),
  messages_max: count({
    default: 100,
    from: 1,
    to: 1_000_000,
    doc: 'Maximum number of WebSocket messages that wait for one slow client. One more closes the connection.',
  }),
  req_timeout: seconds({
    default: 30,
    from: 0.1,
    to: 86_400,
    doc: 'Maximum time in req mode for a whole request and its response. Then the client gets a 408 or 504. An idle connection is closed after the same time.',
  }),
  stream_timeout: seconds({
    default: 1800,
    from: 0.1,
    to: 86_400,
    doc: 'Maximum time in stream mode in which a client neither sends nor reads a byte. Then the connection is closed.',
  }),
  session_timeout: seconds({
    default: 60,
    from: 0.1,
    to: 86_400,
    doc: 'Maximum time in stream mode in which a handler sends nothing for a session. Then the request gets a 504, or the connection is cut. Handlers get keep-alives after three quarters of this time. A header block must arrive within this time, and an idle connection is closed after it.',
  }),
  backend_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 86_400,
    doc: 'Maximum time that a request waits for a handler to take it. Then the request gets a 503.',
  }),
  max_headers: count({
    default: 64,
    from: 8,
    to: 10_000,
    doc: 'Maximum number of header fields. A request with more gets a 431, a response with more becomes a 502.',
  }),
  max_message_bytes: bytes({
    default: 0,
    from: 125,
    to: 1_073_741_824,
    zero: 'for no limit',
    doc: 'Maximum size of a WebSocket message of a client. A larger one closes the connection with 1009.',
  }),
  router_resp: flag({
    doc: 'Ask handlers in stream mode to respond over the ROUTER socket instead of the SUB socket.',
  }),
  ...tlsFields,
  trusted_proxies: trustedProxies('Proxies in front: listeners with `proxy-protocol` take connections from them only.'),
  accept_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Maximum time that a connection over `req_maxconn` or `stream_maxconn` waits for its turn. Then it gets a 503 and is closed.',
  }),
  close_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Maximum time that a client takes to complete the closing handshake of a WebSocket. Then the connection is cut.',
  }),
  compression: flag({ doc: 'Compress WebSocket messages for clients that offer it (permessage-deflate).' }),
  workers: count({
    default: 1,
    from: 1,
    to: 1024,
    doc: 'Processes that serve connections. With 1 the main process serves them. With more, that many worker processes do. With `zclient_connect` each worker connects to the handlers by itself, under the `id`, a hyphen and its number.',
  }),
  mongrel2: mongrel2Servers,
};

/** The `[edge]` section: its keys, and what they are for. */
export const edgeSection = {
  doc: 'The edge passes the requests of clients to handlers over ZeroMQ (ZHTTP), as Condure does. Where it has `[[edge.mongrel2]]` tables, it passes them to handlers of Mongrel2 as well. It runs beside the proxy, or alone if `listen` of `[server]` is an empty list.',
  shape,
};

/** The `[edge]` table in TOML. */
export const edgeSchema = camelKeys(
  z.strictObject(shape, { error: complaint('a table') }).superRefine((edge, context) => {
    // Values that are invalid by themselves already have an issue.
    if (context.issues.length > 0) return;
    const problem = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    for (const key of ['req_maxconn', 'stream_maxconn'] as const) {
      if (edge[key] < edge.workers) problem(key, `must not be less than the number of workers, ${edge.workers}`);
    }
    if (untrustingListener(edge.listen, edge.trusted_proxies) >= 0) problem('listen', UNTRUSTING);
    const ownId = `${edge.id}-${edge.workers}`;
    if (edge.workers > 1 && edge.zclient_connect && Buffer.byteLength(ownId) > MAX_ID_BYTES) {
      problem(
        'id',
        `too long for ${edge.workers} workers that connect to handlers: each appends a hyphen and its number`,
      );
    }
    const sum = edge.req_maxconn + edge.stream_maxconn;
    if (sum > MAX_CONNECTIONS) {
      problem('stream_maxconn', `both modes together may have at most ${MAX_CONNECTIONS} connections, got ${sum}`);
    }
  }),
);
