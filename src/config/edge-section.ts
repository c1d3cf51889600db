import { z } from 'zod';
import { EDGE_LISTENER_FORMS, formatEdgeListener, parseEdgeListener } from './edge-listener.ts';
import {
  bytes,
  camelKeys,
  complaint,
  count,
  fieldDocs,
  flag,
  plainText,
  seconds,
  textCodec,
} from './section-fields.ts';
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
      doc: 'Where clients connect; see [listen specs](#listen-specs). An empty list: the edge is off.',
      expected: `a list of ${EDGE_LISTENER_FORMS}`,
    }),
  id: zhttpId({
    doc: 'Name of this edge: handlers send what is for it to this address. No two edges that share handlers may have the same.',
  }),
  zclient_req: endpoints(ENDPOINT_FORMS, parseZmqEndpoint).register(fieldDocs, {
    doc: 'Endpoints of handlers in req mode (DEALER). Used if any listener has `req`.',
    expected: `a list of ${ENDPOINT_FORMS}`,
  }),
  zclient_stream: endpoints(BASE_FORMS, parseStreamBase).register(fieldDocs, {
    doc: 'Bases of the endpoints of handlers in stream mode: `ipc://PATH` stands for that path with `-out` (PUSH), `-out-stream` (ROUTER) and `-in` (SUB) after it, `tcp://HOST:PORT` for this port and the next two. Used if any listener has `stream`.',
    expected: `a list of ${BASE_FORMS}`,
  }),
  zclient_connect: flag({ doc: 'Connect to these endpoints. Otherwise they are bound, and handlers connect.' }),
  ipc_file_mode: ipcFileMode(),
  req_maxconn: count({
    default: 100,
    from: 1,
    to: MAX_CONNECTIONS,
    doc: 'Connections in req mode that are served at the same time. Up to 1,024 more wait for their turn, unread.',
  }),
  stream_maxconn: count({
    default: 10_000,
    from: 1,
    to: MAX_CONNECTIONS,
    doc: 'The same in stream mode. Neither of the two may be less than `workers`, nor both together more than 10000000.',
  }),
  buffer_size: bytes({
    default: 8192,
    from: 1024,
    to: 16_777_216,
    doc: "Bytes that wait on a connection for each direction: a request's header block (a larger one is answered 431), the body bytes that a handler is granted before the client has taken them (it is forgiven as long as no more than 64 KB wait), and the unread input of a client.",
  }),
  body_buffer_size: bytes({
    default: 100_000,
    from: 1,
    to: 1_073_741_824,
    doc: "Size of a body in req mode: of a request's, where a larger one is answered 413, and of an answer's, where it is answered 502.",
  }),
  messages_max: count({
    default: 100,
    from: 1,
    to: 1_000_000,
    doc: 'WebSocket messages of a handler that wait for one slow client. One more closes the connection.',
  }),
  req_timeout: seconds({
    default: 30,
    from: 0.1,
    to: 86_400,
    doc: 'Time in req mode for a whole request and its answer. Afterwards the request is answered 408 or 504. It is also the time that a connection is kept without a request.',
  }),
  stream_timeout: seconds({
    default: 1800,
    from: 0.1,
    to: 86_400,
    doc: 'Time in stream mode without a byte of the client, or taken by it. Afterwards the connection is closed.',
  }),
  session_timeout: seconds({
    default: 60,
    from: 0.1,
    to: 86_400,
    doc: 'Time in stream mode after which a handler that is silent has lost its session: the request is answered 504, or the connection cut. Handlers get keep-alives after three quarters of it. It is also the time for a header block to arrive, and the time that a connection is kept without a request.',
  }),
  backend_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 86_400,
    doc: 'Time that a request waits for a handler to take it. Afterwards it is answered 503.',
  }),
  max_headers: count({
    default: 64,
    from: 8,
    to: 10_000,
    doc: 'Header fields of a request, where more are answered 431, and of an answer, where more are answered 502.',
  }),
  max_message_bytes: bytes({
    default: 0,
    from: 125,
    to: 1_073_741_824,
    zero: 'for no limit',
    doc: 'Size of a WebSocket message of a client. A larger one closes the connection with 1009.',
  }),
  router_resp: flag({
    doc: 'Ask handlers in stream mode to answer over the ROUTER socket, and not through the SUB socket.',
  }),
  tls_identities_dir: plainText({
    default: '.',
    doc: 'Folder with the certificates (`NAME.crt`) and keys (`NAME.key`) of listeners with `tls`. A relative path begins at the working directory.',
  }),
  tls_handshake_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Time for a TLS handshake. Afterwards the connection is closed.',
  }),
  tls_max_handshakes: count({
    default: 4096,
    from: 1,
    to: MAX_CONNECTIONS,
    doc: 'TLS handshakes of one listener that may be under way at the same time. One more connection is closed at once.',
  }),
  accept_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Time that a connection over `req_maxconn` or `stream_maxconn` waits for its turn. Afterwards it is answered 503 and closed.',
  }),
  close_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: "Time for a client's part of the closing handshake of a WebSocket. Afterwards the connection is cut.",
  }),
  compression: flag({ doc: 'Compress WebSocket messages for clients that offer it (permessage-deflate).' }),
  workers: count({
    default: 1,
    from: 1,
    to: 1024,
    doc: 'Processes that serve connections. 1: the main process does; more: as many processes of their own. With `zclient_connect` each of them connects to the handlers by itself, under the `id`, a hyphen and its number.',
  }),
};

/** The `[edge]` section: its keys, and what they are for. */
export const edgeSection = {
  doc: 'The edge: gives the requests of clients to handlers over ZeroMQ (ZHTTP), as Condure does. It runs beside the proxy, or alone where `listen` of `[server]` is an empty list.',
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
