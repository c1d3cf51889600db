export type { Content, HttpResponseFormat, HttpStreamFormat, Item, WsMessageFormat } from './item.ts';
export { PublishError } from './publish-error.ts';
export { Publisher, type PublisherOptions } from './publisher.ts';
export type { Credentials } from './server-address.ts';
export { type ServerSentEvent, serverSentEvent } from './server-sent-event.ts';
