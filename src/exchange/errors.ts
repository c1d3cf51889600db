import { errorCounts } from './error-counts.ts';

/** Who has to act to fix the failure. A `backend` is a handler behind ZeroMQ. */
export type ErrorCause = 'client' | 'origin' | 'backend' | 'policy' | 'internal';

/** One failure and how it appears on each surface. */
export interface ErrorFace {
  readonly cause: ErrorCause;
  /** Whether the same request may succeed if it is simply sent again. */
  readonly retry: boolean;
  /** Status of the HTTP response; 0 when no response can be sent any more. */
  readonly status: number;
  /** Body of the HTTP response. A route's `debug` adds the detail. */
  readonly text: string;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** Condition of the ZHTTP error for the requester of an outbound request. */
  readonly condition: string;
}

/** The catalogue: every failure that a client, an origin or an operator can meet. `docs/reference/errors.md` explains each. */
export const ERRORS = {
  HF_BAD_REQUEST: face('client', false, 400, 'Bad request.', 'info'),
  HF_JSONP: face('client', false, 400, 'Invalid callback parameter.', 'info'),
  HF_REQUEST_TIMEOUT: face('client', true, 408, 'The request did not arrive in time.', 'info'),
  HF_LENGTH_REQUIRED: face('client', false, 411, 'Request requires Content-Length.', 'info'),
  HF_CROSS_SITE: face('client', false, 403, 'Web pages of other sites may not use the control port.', 'info'),
  HF_CONTROL_HOST: face('client', false, 403, 'This host name is not allowed on the control port.', 'info'),
  HF_CONTROL_CREDENTIALS: face('client', false, 401, 'Credentials are missing or not valid.', 'info'),
  HF_CONTROL_ROLE: face('client', false, 403, 'The credentials do not permit this.', 'info'),
  HF_CONTROL_NOT_FOUND: face('client', false, 404, 'There is nothing of this name.', 'info'),
  HF_CONTROL_METHOD: face('client', false, 405, 'This method is not allowed here.', 'info'),
  HF_CONTROL_CONFLICT: face('client', true, 409, 'This is not possible now.', 'info'),
  HF_CONTROL_MEDIA_TYPE: face('client', false, 415, 'The body must be application/json.', 'info'),
  HF_CONTROL_INVALID: face('client', false, 400, 'The request is not valid.', 'info'),
  HF_CONTROL_STREAMS: face('policy', true, 503, 'Too many streams of events are open, try again later.', 'warn'),
  HF_LOGIN_RATE: face('client', true, 429, 'Too many wrong passwords, try again later.', 'info'),
  HF_CONTROL_RATE: face('client', true, 429, 'Too many publish requests.', 'info'),
  HF_IDEMPOTENCY_KEY: face('client', false, 422, 'The idempotency key was used for other content.', 'info'),
  HF_TOKEN_MISSING: face('client', false, 401, 'A token is needed.', 'info'),
  HF_TOKEN_INVALID: face('client', false, 401, 'The token is not valid.', 'info'),
  HF_TOKEN_EXPIRED: face('client', false, 401, 'The token has expired.', 'info'),
  HF_TOKEN_KEYS: face('policy', true, 503, 'Tokens cannot be verified now, try again later.', 'warn'),
  HF_CHANNEL_FORBIDDEN: face('client', false, 403, 'The token does not permit this channel.', 'info'),
  HF_RATE_LIMIT: face('client', true, 429, 'Too many requests, try again later.', 'debug'),
  HF_BODY_TOO_LARGE: face('client', false, 413, 'Request body too large.', 'info'),
  HF_ITEM_TOO_LARGE: face('client', false, 413, 'An item is too large for the broker of the cluster.', 'info'),
  HF_URI_TOO_LONG: face('client', false, 414, 'Request target too long.', 'info'),
  HF_EXPECTATION: face('client', false, 417, 'The only supported expectation is 100-continue.', 'info'),
  HF_UPLOAD_NO_ROOM: face('client', true, 413, 'There is no room for the upload.', 'warn'),
  HF_UPLOADS_BUSY: face('policy', true, 503, 'Too many uploads, try again later.', 'warn'),
  HF_UPLOAD_STORE: face('policy', true, 500, 'The upload cannot be stored.', 'error'),
  HF_HEADERS_TOO_LARGE: face('client', false, 431, 'Request header too large.', 'info'),
  HF_METHOD: face('client', false, 501, 'CONNECT is not supported.', 'info'),
  HF_TRANSFER_CODING: face('client', false, 501, 'The only supported transfer coding is chunked.', 'info'),
  HF_HTTP_VERSION: face('client', false, 505, 'The supported HTTP versions are 1.0 and 1.1.', 'info'),
  HF_WEBSOCKET_HANDSHAKE: face('client', false, 400, 'Not a valid WebSocket handshake.', 'info'),
  HF_WEBSOCKET_VERSION: face('client', false, 426, 'The supported WebSocket version is 13.', 'info'),
  HF_WEBSOCKET_EVENTS: face('client', false, 403, 'Client not allowed to send WebSocket events directly.', 'info'),
  HF_WEBSOCKET_PROTOCOL: face('client', false, 0, 'The client broke the WebSocket protocol.', 'info'),
  HF_CLIENT_GONE: face('client', false, 0, 'The client left before its response was complete.', 'debug'),
  HF_CLIENT_STALLED: face('client', false, 0, 'The client stopped reading its response.', 'info'),
  HF_STREAM_LOST: face('policy', true, 0, 'The stream cannot be continued.', 'info'),
  HF_TOO_MANY_CONNECTIONS: face('policy', true, 503, 'Too many connections, try again later.', 'warn'),
  HF_OPEN_FILES: face(
    'policy',
    true,
    503,
    'The server has too many open connections, try again later.',
    'warn',
    'remote-connection-failed',
  ),
  HF_DRAINING: face('policy', true, 503, 'The server is shutting down, try again.', 'info'),
  HF_BROKER_AWAY: face('policy', true, 503, 'The broker of the cluster is away, try again later.', 'warn'),
  HF_NO_ROUTE: face('policy', false, 502, 'No route for host.', 'info'),
  HF_LOOP: face('policy', false, 508, 'The request is looping.', 'warn'),
  HF_ORIGIN_UNREACHABLE: face(
    'origin',
    true,
    502,
    'Error while proxying to origin.',
    'warn',
    'remote-connection-failed',
  ),
  HF_ORIGIN_CONNECT_TIMEOUT: face(
    'origin',
    true,
    504,
    'The origin did not respond in time.',
    'warn',
    'connection-timeout',
  ),
  HF_ORIGIN_TIMEOUT: face('origin', true, 504, 'The origin did not respond in time.', 'warn', 'connection-timeout'),
  HF_ORIGIN_CLOSED: face('origin', true, 502, 'Error while proxying to origin.', 'warn'),
  HF_ORIGIN_PROTOCOL: face('origin', false, 502, 'Error while proxying to origin.', 'warn'),
  HF_ORIGIN_TRUNCATED: face('origin', true, 502, 'Error while proxying to origin.', 'warn'),
  HF_ORIGIN_TLS: face('origin', false, 502, 'Error while proxying to origin.', 'warn', 'tls-error'),
  HF_ORIGIN_BODY_TOO_LARGE: face('origin', false, 502, 'Error while proxying to origin.', 'warn', 'max-size-exceeded'),
  HF_ORIGIN_WEBSOCKET: face('origin', false, 502, 'Error while proxying to origin.', 'warn'),
  HF_ORIGIN_FRAME_TOO_LARGE: face('origin', false, 502, 'Error while proxying to origin.', 'warn', 'frame-too-large'),
  HF_TOO_MANY_REDIRECTS: face('origin', false, 502, 'Error while proxying to origin.', 'warn', 'too-many-redirects'),
  HF_POLICY_VIOLATION: face('policy', false, 502, 'Error while proxying to origin.', 'warn', 'policy-violation'),
  HF_FETCH_INVALID: face('client', false, 400, 'Not a request that can be made.', 'info', 'bad-request'),
  HF_FETCH_CONTENT: face('client', false, 400, 'A HEAD request has no body.', 'info', 'content-not-allowed'),
  HF_FETCH_TIMEOUT: face('origin', true, 504, 'The origin did not respond in time.', 'warn', 'session-timeout'),
  HF_JSONP_RESPONSE: face('origin', false, 500, 'Upstream response could not be JSON-P encoded.', 'warn'),
  HF_GRIP_INVALID: face('origin', false, 502, 'Error while proxying to origin.', 'warn'),
  HF_GRIP_TOO_LARGE: face('origin', false, 502, 'Error while proxying to origin.', 'warn'),
  HF_GRIP_REQUEST_TOO_LARGE: face('client', false, 400, 'Request too large to accept GRIP instruct.', 'info'),
  HF_RESPONSE_INVALID: face('backend', false, 502, 'The response of the backend cannot be sent.', 'warn'),
  HF_BACKEND_ABSENT: face('backend', true, 503, 'No backend took the request in time, try again later.', 'warn'),
  HF_BACKEND_TIMEOUT: face('backend', true, 504, 'The backend did not respond in time.', 'warn'),
  HF_BACKEND_ERROR: face('backend', false, 502, 'The backend failed to respond.', 'warn'),
  HF_BACKEND_CANCELLED: face('backend', false, 502, 'The backend failed to respond.', 'warn'),
  HF_BACKEND_PROTOCOL: face('backend', false, 502, 'The backend failed to respond.', 'warn'),
  HF_BACKEND_OVERRUN: face('backend', false, 502, 'The backend failed to respond.', 'warn'),
  HF_BACKEND_OVERLOADED: face('backend', true, 503, 'The backend is overloaded, try again later.', 'warn'),
  HF_HANDLER_UNBOUND: face('backend', true, 502, 'The backend failed to respond.', 'warn'),
  HF_EXCHANGE_TIMEOUT: face('backend', true, 504, 'Nothing was sent in either direction for too long.', 'info'),
  HF_FILES_OPEN: face('policy', true, 503, 'Too many files are open, try again later.', 'warn'),
  HF_FILE_FAILED: face('internal', true, 500, 'The file cannot be read.', 'warn'),
  HF_INTERNAL: face('internal', true, 500, 'Internal error.', 'error'),
} as const satisfies Record<string, ErrorFace>;

/** Code of a failure in the catalogue. */
export type ErrorCode = keyof typeof ERRORS;

/**
 * A failure from the catalogue, with what exactly went wrong this time. Its stack is empty, since collecting one costs as much as a small
 * request: HF_INTERNAL has the stack of what was thrown as its detail.
 */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly code: ErrorCode;
  /** For the log and, with `debug`, for the body: what happened and to which peer. Part of a sentence. */
  readonly detail: string;
  /** Body of the HTTP response. */
  readonly text: string;

  /**
   * Counts the failure by its code. HF_CLIENT_GONE is counted where clients leave instead: it also tells a responder that its response is not needed.
   * @param text replaces the catalogue's, where the response names what was asked for
   * @param retold whether this tells of a failure in other words that was counted already
   */
  constructor(code: ErrorCode, detail = '', text: string = ERRORS[code].text, retold = false) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail === '' ? code : `${code}: ${detail}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.detail = detail;
    this.text = text;
    if (code !== 'HF_CLIENT_GONE' && !retold) errorCounts.note(code);
  }

  get face(): ErrorFace {
    return ERRORS[this.code];
  }
}

function face(
  cause: ErrorCause,
  retry: boolean,
  status: number,
  text: string,
  level: ErrorFace['level'],
  condition = 'undefined-condition',
): ErrorFace {
  return { cause, retry, status, text, level, condition };
}
