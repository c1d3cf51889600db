export type { HandlerLink, HandlerLinkSink, RequestLink, RequestLinkSink } from './handler-link.ts';
export { LinkRelay, type LinkRelayOptions, type RelayTarget } from './link-relay.ts';
export { type Movable, MovingLink } from './moving-link.ts';
export type { OwnLink } from './own-link.ts';
export { RelayedLink } from './relayed-link.ts';
export { ReqClient, type ReqClientOptions } from './req-client.ts';
export { StreamClient, type StreamClientOptions } from './stream-client.ts';
export { type StreamEndpoints, ZmqHandlerLink, type ZmqHandlerLinkOptions } from './zmq-handler-link.ts';
export { ZmqReqLink, type ZmqReqLinkOptions } from './zmq-req-link.ts';
