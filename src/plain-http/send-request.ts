import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** A request. */
export interface SentRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
  /** Keeps connections. Without it the request has a connection of its own. */
  readonly agent?: Agent;
  /** Of a unix socket, in place of the host of the URL; null for none. */
  readonly socketPath?: string | null;
  /** Gives the request and its response up. */
  readonly signal?: AbortSignal;
  /** Is called when there is a connection: from then on the server may have taken the request. */
  readonly onConnected?: () => void;
}

/**
 * Sends a request, and resolves with the head of its response. Redirections are not followed. The built-in `fetch` would refuse ports that browsers
 * block, such as 6000, and knows no unix sockets.
 * @throws Error when there is no response
 */
export function sendRequest(url: URL, sent: SentRequest): Promise<IncomingMessage> {
  const { method, headers, body, agent = false, socketPath = null, signal, onConnected } = sent;
  const isTls = url.protocol === 'https:';
  const send = isTls ? httpsRequest : httpRequest;
  const means = { ...(socketPath !== null && { socketPath }), ...(signal !== undefined && { signal }) };
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers, agent, ...means }, resolve);
    request.on('error', reject);
    if (onConnected !== undefined) {
      request.on('socket', (socket) => {
        if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', onConnected);
        else onConnected();
      });
    }
    request.end(body);
  });
}
