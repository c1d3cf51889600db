export type { Channel, ChannelOptions } from './channel-field.ts';
export { gripOf } from './contexts.ts';
export {
  type FastifyLike,
  type FastifyReplyLike,
  type FastifyRequestLike,
  fastifyGrip,
  fastifyWebSocket,
} from './fastify.ts';
export type { GripContext, KeepAlive, ResponseOptions, StreamOptions } from './grip-context.ts';
export type { GripOptions } from './grip-options.ts';
export { type HonoContextLike, honoGrip, honoWebSocket } from './hono.ts';
export { expressGrip, gripListener, type Listener, webSocketRoute } from './node-http.ts';
export type {
  ProxyMessage,
  SubscribeOptions,
  WebSocketClose,
  WebSocketContext,
  WebSocketMessage,
} from './websocket-context.ts';
export type { WebSocketHandler } from './websocket-handler.ts';
