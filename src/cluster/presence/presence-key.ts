import { NOBODY } from '../../hub/index.ts';
import { channelSubject } from '../channel-subject.ts';

/** A key of the bucket for presence: that a node has a user on a channel, that the user was told to be there, or how far a node has read. `NOBODY` stands for clients of no user, and for the channel itself. */
export type PresenceKey =
  | { readonly kind: 'stay'; readonly node: string; readonly channel: string; readonly user: string }
  | { readonly kind: 'told'; readonly channel: string; readonly user: string }
  | { readonly kind: 'mark'; readonly node: string };

/** Key of the connections that a user has on a channel at a node; null for a channel whose name has no subject. */
export function stayKey(node: string, channel: string, user: string): string | null {
  return channelSubject(channel) === null ? null : `e.${node}.${token(channel)}.${token(user)}`;
}

/** Key of a user on a channel, or of a channel, that was told to be there. */
export function toldKey(channel: string, user: string): string {
  return `t.${token(channel)}.${token(user)}`;
}

/** Key that a node writes to learn that it has read everything before. */
export function markKey(node: string): string {
  return `m.${node}`;
}

/** The key in this text; null if no node has written it. */
export function presenceKeyOf(text: string): PresenceKey | null {
  const [kind, ...tokens] = text.split('.');
  if (kind === 'm' && tokens.length === 1) return { kind: 'mark', node: tokens[0] ?? '' };
  const node = kind === 'e' ? tokens.shift() : '';
  const [channel, user] = tokens.map(textOf);
  if (node === undefined || tokens.length !== 2 || typeof channel !== 'string' || typeof user !== 'string') return null;
  if (kind === 'e') return { kind: 'stay', node, channel, user };
  return kind === 't' ? { kind: 'told', channel, user } : null;
}

/** Keys have letters, digits and a few other characters. */
function token(name: string): string {
  return name === NOBODY ? '=' : Buffer.from(name).toString('base64url');
}

/** The name of a token; null for anything else. Each name is written in one way. */
function textOf(written: string): string | null {
  const name = written === '=' ? NOBODY : Buffer.from(written, 'base64url').toString();
  return token(name) === written ? name : null;
}
