import type { ClientNames, ExchangeError, RequestHead, WebSocketRequester } from '../exchange/index.ts';
import type { FilterService } from './filter-service.ts';
import type { WebSocketHoldState } from './moved-hold.ts';
import type { SlowPolicy } from './slow-policy.ts';

/** What stands between a client's WebSocket and its origin. */
export interface WebSocketOwner {
  /** So many bytes that the origin sent have passed to the client, or were dropped: it may send as many more. */
  onRelayed(bytes: number): void;
  /** Replies to what the client sent have passed, or were dropped: it may send so many bytes more. */
  onReplied(bytes: number): void;
  /** No message waits any more that was sent with `sendOwn`. */
  onOwnPassed(): void;
  /** A publisher closes the WebSocket, or the hub does since the client is slow: the close frame is on its way, nothing else follows it. */
  onPublishedClose(): void;
  /** A publisher asks that the origin be asked. */
  onRefresh(): void;
  /** The hold has ended by itself: the client is to be cut off. */
  onHoldFailed(error: ExchangeError): void;
}

/** A client's WebSocket that is to be subscribed to channels. */
export interface WebSocketHoldOptions extends ClientNames {
  /** The request that asked for it, for stats and for the record of the exchange. */
  readonly request?: Pick<RequestHead, 'peer' | 'scheme' | 'record'>;
  /** The open WebSocket, to which all is sent through the hold from now on. */
  readonly requester: WebSocketRequester;
  /** Bytes that it takes before it grants more. */
  readonly credits: number;
  readonly owner: WebSocketOwner;
  /** Whose client it is, unless its origin says so by the metadata `user`; null, the default, for nobody's. */
  readonly user?: string | null;
  /** Id of the route that it came by. Empty by default. */
  readonly route?: string;
  /** Put in front of the names of channels that its filters name. Empty by default. */
  readonly channelPrefix?: string;
  /** Whether the WebSocket is closed, with the reason, where a filter cannot be applied. False by default. */
  readonly debug?: boolean;
  /** For filters that ask a service; null for none. */
  readonly filterService?: FilterService | null;
  /** Whether what is published comes in envelopes with channel and cursor. False by default. */
  readonly envelope?: boolean;
  /** `catch_up` by default. */
  readonly slow?: SlowPolicy;
  /** The hold that another process had, if it has moved from there. */
  readonly moved?: WebSocketHoldState;
}
