/** Begins the names of channels whose items say who comes to a channel and who leaves. */
const PRESENCE = '$presence.';

/** Begins the names of channels whose items wait for webhooks. */
const WEBHOOK = '$webhook.';

/** The channel whose items say who comes to `channel` and who leaves. */
export function presenceChannel(channel: string): string {
  return PRESENCE + channel;
}

/** The channel that a presence channel is about; null for any other channel. */
export function subjectOfPresence(name: string): string | null {
  return name.startsWith(PRESENCE) ? name.slice(PRESENCE.length) : null;
}

/** The channel in which what a webhook is sent waits. @param id letters and digits */
export function webhookChannel(id: string): string {
  return WEBHOOK + id;
}

/** The channel whose only item says up to where the events of a webhook are done with. @param queue as `webhookChannel` gives it */
export function webhookMarkChannel(queue: string): string {
  return `${queue}.done`;
}

/** Whether only the server publishes to the channel with this name. */
export function isPublishedBySystem(name: string): boolean {
  return name.startsWith(PRESENCE) || isOfWebhook(name);
}

/** Whether nobody may be subscribed to the channel with this name. */
export function isOfWebhook(name: string): boolean {
  return name.startsWith(WEBHOOK);
}

/** The whole name of a channel behind the prefix of a route: `$presence.room` is about the channel `PREFIXroom`. */
export function wholeName(prefix: string, name: string): string {
  const subject = prefix === '' ? null : subjectOfPresence(name);
  return subject === null ? prefix + name : presenceChannel(prefix + subject);
}

/** The name of a channel as the clients of a route with this prefix know it. */
export function nameBehind(prefix: string, whole: string): string {
  const subject = prefix === '' ? null : subjectOfPresence(whole);
  if (subject !== null) return presenceChannel(nameBehind(prefix, subject));
  return whole.startsWith(prefix) ? whole.slice(prefix.length) : whole;
}
