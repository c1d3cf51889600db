export type { MessagePublisher } from './message-publisher.ts';
export { PublishSockets, type PublishSocketsOptions } from './publish-sockets.ts';
