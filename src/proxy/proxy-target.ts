import type {
  ExchangeError,
  PartState,
  Requester,
  RequestHead,
  Service,
  WebSocketRequester,
  WebSocketResponder,
} from '../exchange/index.ts';

/** One place that the requests of a route can go to. The service may speak HTTP or anything else. */
export interface ProxyTarget {
  /** Its name in the log and in error texts: `host:port`. */
  readonly name: string;
  /** Value of Host for every request; empty: the client's, or `name` where the client sent none. */
  readonly host: string;
  readonly service: Service;
  readonly webSocketService: TargetWebSocketService;
  /** Channels to which the clients that go to it are subscribed, whatever it says. */
  readonly channels: readonly string[];
}

/** Opens WebSockets at a target. */
export interface TargetWebSocketService {
  (request: RequestHead, requester: TargetWebSocketRequester): TargetWebSocketResponder;
  /** Goes on with a WebSocket that another process has opened at the target. Absent: it cannot. */
  moved?(state: PartState, requester: TargetWebSocketRequester): TargetWebSocketResponder;
}

/** The requester of a WebSocket that is sent to a target. */
export interface TargetWebSocketRequester extends WebSocketRequester {
  /** A signature for another request on behalf of the WebSocket; undefined where requests are not signed. */
  signature(): string | undefined;
}

/** The responder of a WebSocket at a target. */
export interface TargetWebSocketResponder extends WebSocketResponder {
  /** For an origin that is not connected: asks it whether it has something for the client. */
  refresh?(): void;
  /** For an origin that is not connected: tells it that the WebSocket is closed. It gets nothing else, and its responses do not count. */
  release?(): void;
}

/** The requester of a request that is sent to a list of targets. */
export interface TargetRequester extends Requester {
  /**
   * `target` gets the request next.
   * @param failure why the target before it did not take the request; null for the first one
   */
  onTarget(target: ProxyTarget, failure: ExchangeError | null): void;
}

/** The Host that a target gets (RFC 9110 §7.2). @param authority what the client has asked for */
export function hostFor({ host, name }: ProxyTarget, authority: string): string {
  return host || authority || name;
}

/** The request with the Host of `target`, which stands first in it. Requests share lists of fields, so another Host makes another list. */
export function withHost(request: RequestHead, target: ProxyTarget): RequestHead {
  const { headers, authority } = request;
  const host = hostFor(target, authority);
  return headers[1] === host ? request : { ...request, headers: ['Host', host, ...headers.slice(2)] };
}

/** Whether the connection to a target failed, or may not be made, so that another target may take the request. */
export function cannotConnect(error: ExchangeError): boolean {
  return isUnreached(error) || error.code === 'HF_POLICY_VIOLATION';
}

/** Whether the connection to a target failed, which a later attempt may not. */
export function isUnreached({ code }: ExchangeError): boolean {
  return code === 'HF_ORIGIN_UNREACHABLE' || code === 'HF_ORIGIN_CONNECT_TIMEOUT' || code === 'HF_ORIGIN_TLS';
}
