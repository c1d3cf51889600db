import { z } from 'zod';
import { edgeFields } from './edge-fields.ts';
import { LISTEN_FORMS } from './listen-address.ts';
import { bytes, choice, complaint, count, fieldDocs, flag, seconds, textCodec } from './section-fields.ts';
import { formatServerListener, parseServerListener } from './server-listener.ts';
import { tlsFields } from './tls-fields.ts';
import { trustedProxies } from './trusted-proxies.ts';

const serverListeners = z.array(textCodec(LISTEN_FORMS, parseServerListener, formatServerListener), {
  error: complaint('a list of listen addresses'),
});

const requestId = choice(['accept', 'make', 'off']);

/** The `[server]` section: its keys, and what they are for. */
export const serverSection = {
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
    request_id: requestId.schema.default('accept').register(fieldDocs, {
      doc: 'The id of each request, which origins get as `X-Request-Id` and the log shows. `accept` takes that of the client if it has up to 128 letters, digits and `-._~+/=:@`, and makes one otherwise. `make` makes one always. With `off` there is none, and `X-Request-Id` is a field as any other.',
      expected: requestId.expected,
    }),
    return_request_id: flag({
      doc: 'Send the id to the client too, as `X-Request-Id`, unless the response has that field.',
    }),
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
      doc: 'Time for requests in flight to finish when the server stops. Held clients of a node of a cluster go to other nodes within it, one after the other.',
    }),
    upgrade_timeout: seconds({
      default: 60,
      from: 1,
      to: 86_400,
      doc: 'Time after an upgrade in which the old process finishes what could not be moved to the new one. In the second half of it streams and WebSockets are ended, spread over the time, so that their clients do not all come back at once.',
    }),
  },
};
