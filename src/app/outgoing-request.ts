import { withoutFields } from '../codec/fields/index.ts';
import type { HeaderList, Peer, RequestHead } from '../exchange/index.ts';

/** Handlers of a proxy are not told of its clients but by header fields. */
const NOBODY: Peer = { address: '', port: 0 };

/** Methods whose requests have a body, if perhaps an empty one (RFC 9110 §8.6). */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Fields of a WebSocket handshake that belong to the connection to the client (RFC 6455 §4.1). */
const OF_HANDSHAKE: ReadonlySet<string> = new Set(['sec-websocket-key', 'sec-websocket-accept', 'content-length']);

/**
 * A request of the proxy as a responder over ZHTTP gets it. Its URI has the host that Host has, which the proxy has chosen for the target.
 * @param secure whether the origin is spoken to over TLS, which is not what the client does
 */
export function outgoingRequest(request: RequestHead, secure: boolean): RequestHead {
  const { method, headers, bodyLength } = request;
  return {
    ...request,
    scheme: secure ? 'https' : 'http',
    // The first field is Host.
    authority: headers[1] as string,
    headers:
      bodyLength > 0 || (bodyLength === 0 && WITH_BODY.has(method))
        ? [...headers, 'Content-Length', String(bodyLength)]
        : headers,
    peer: NOBODY,
  };
}

/** The same for the request of a WebSocket. */
export function outgoingHandshake(request: RequestHead, secure: boolean): RequestHead {
  return {
    ...request,
    scheme: secure ? 'wss' : 'ws',
    authority: request.headers[1] as string,
    headers: handshakeFields(request.headers),
    peer: NOBODY,
  };
}

function handshakeFields(headers: HeaderList): HeaderList {
  return withoutFields(headers, (name) => OF_HANDSHAKE.has(name));
}
