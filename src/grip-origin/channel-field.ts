import { encodeHeaderText, MAX_FILTERS, patternProblem } from '../codec/grip/index.ts';

/** A channel that a client is subscribed to. */
export interface ChannelOptions {
  readonly name: string;
  /** Id of the last item that the response has: if the channel has a later one, the proxy asks again. */
  readonly prevId?: string;
  /** Names of filters, at most 5. */
  readonly filters?: readonly string[];
  /** Whether the name is a pattern: `*` is any one token between dots, and `>` one or more at the end. False by default. */
  readonly pattern?: boolean;
  /** The cursor of what the client has, where the channel has a history. The same for all channels that have one. */
  readonly since?: string;
}

/** A channel by its name, or with more. */
export type Channel = string | ChannelOptions;

/**
 * The value of `Grip-Channel` for channels.
 * @throws TypeError for a name that the field cannot hold, and for an invalid pattern
 */
export function channelField(channels: Channel | readonly Channel[]): string {
  const list = typeof channels === 'string' || 'name' in channels ? [channels] : channels;
  if (list.length === 0) throw new TypeError('there is no channel to hold the client on');
  return list.map((channel) => element(typeof channel === 'string' ? { name: channel } : channel)).join(', ');
}

function element({ name, prevId, filters = [], pattern = false, since }: ChannelOptions): string {
  if (name === '') throw new TypeError('the channel has no name');
  // GRIP takes the name as it stands before the first semicolon, and a comma separates channels.
  if (name !== name.trim() || /[\p{Cc},;"]/u.test(name))
    throw new TypeError(
      `the channel ${JSON.stringify(name)} cannot be named in a header: it must have no comma, semicolon, quote, control character, or space at its ends`,
    );
  if (filters.length > MAX_FILTERS) throw new TypeError(`the channel ${name} has more than ${MAX_FILTERS} filters`);
  if (pattern) {
    const problem = patternProblem(name);
    if (problem !== null) throw new TypeError(`the pattern ${name} is invalid: ${problem}`);
    if (prevId !== undefined) throw new TypeError(`the pattern ${name} has a prevId, which only a channel can have`);
  }
  let text = encodeHeaderText(name);
  if (pattern) text += '; pattern';
  if (prevId !== undefined) text += `; prev-id=${quoted(prevId)}`;
  if (since !== undefined) text += `; since=${quoted(since)}`;
  for (const filter of filters) text += `; filter=${quoted(filter)}`;
  return text;
}

/**
 * A value of a parameter as a quoted string (RFC 9110 §5.6.4).
 * @throws TypeError for control characters, which no header can hold
 */
export function quoted(value: string): string {
  if (/\p{Cc}/u.test(value))
    throw new TypeError(`${JSON.stringify(value)} has control characters, which a header cannot hold`);
  return `"${encodeHeaderText(value).replaceAll(/["\\]/g, '\\$&')}"`;
}
