export { WebhookCounters } from './webhook-counters.ts';
export type { PostedEvents, WebhookPost } from './webhook-post.ts';
export type { Webhook, WebhookMeans } from './webhook-sender.ts';
export { Webhooks } from './webhooks.ts';
