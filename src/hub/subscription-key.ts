import { type ChannelRef, wholeName } from '../codec/grip/index.ts';

/** Begins the key of a pattern. No channel that a client is subscribed to has a name that begins with it. */
const MARK = '\0';

/** What a subscription to a pattern is called where one to a channel is called by the channel's name. Both can be in one list, since no such name is a key. */
export function patternKey(pattern: string): string {
  return MARK + pattern;
}

/** The pattern of a key; null for the name of a channel. */
export function patternOf(key: string): string | null {
  return key.charCodeAt(0) === 0 ? key.slice(1) : null;
}

/** What the subscription of a hold to one of its channels is called. @param prefix is put in front of the name or pattern */
export function subscriptionKey(
  prefix: string,
  { name, pattern = false }: Pick<ChannelRef, 'name' | 'pattern'>,
): string {
  return pattern ? patternKey(prefix + name) : wholeName(prefix, name);
}

/** How the log calls a subscription. */
export function shownKey(key: string): string {
  const pattern = patternOf(key);
  return pattern === null ? key : `${pattern} (pattern)`;
}
