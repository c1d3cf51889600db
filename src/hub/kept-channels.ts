import { type Hold, nameBehind, wholeName } from '../codec/grip/index.ts';
import type { NamedPlace } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { patternOf } from './subscription-key.ts';

/** What of the subscriptions of a client is in the log. */
export interface KeptChannels {
  /** Channels that are kept. */
  readonly names: Set<string>;
  /** Keys of patterns that may match channels which are kept. */
  readonly patterns: string[];
}

/** Names of no channels. */
export const NO_NAMES: ReadonlySet<string> = new Set();

interface Rules {
  readonly history: Pick<HubRoom['history'], 'rules'>;
}

/** Whether a channel is kept, or a pattern may match one that is. @param key name of the channel, or key of the pattern */
export function isKept({ history: { rules } }: Rules, key: string): boolean {
  const pattern = patternOf(key);
  return pattern === null ? rules.limitsOf(key) !== null : rules.mayKeep(pattern);
}

/** Whether clients with these channels and patterns have cursors. */
export function haveCursors(room: Rules, keys: readonly string[]): boolean {
  return room.history.rules.keepSome && keys.some((key) => isKept(room, key));
}

/** Those of these channels and patterns that are in the log. */
export function keptOf(room: Rules, keys: readonly string[]): KeptChannels {
  const kept = keys.filter((key) => isKept(room, key));
  return {
    names: new Set(kept.filter((key) => patternOf(key) === null)),
    patterns: kept.filter((key) => patternOf(key) !== null),
  };
}

/** Those of these channels and patterns of which nothing is in the log. */
export function unkeptOf(room: Rules, keys: readonly string[]): readonly string[] {
  return keys.filter((key) => !isKept(room, key));
}

/** What the origin says that a client has of the channels of a hold which are in the log. @param prefix is put in front of their names */
export function namedPlaces(room: Rules, hold: Hold | null, prefix: string): readonly NamedPlace[] {
  const places = new Map<string, string>();
  for (const { name, prevId, pattern = false } of hold?.channels ?? []) {
    const whole = wholeName(prefix, name);
    if (prevId !== null && !pattern && isKept(room, whole)) places.set(whole, prevId);
  }
  return [...places];
}

/**
 * The channels and patterns of a gap, as the client knows them: without those of which it is not told (`on_gap`).
 * @param prefix of the client's route, which it does not know
 */
export function toldGaps({ history: { rules } }: Rules, keys: readonly string[], prefix: string): readonly string[] {
  const told = keys.map((key) => patternOf(key) ?? key).filter((name) => rules.of(name)?.onGap !== 'none');
  return told.map((name) => nameBehind(prefix, name));
}

/** Whether the origin is asked again for a client that has missed something of one of these channels and patterns (`on_gap`). */
export function replaysGap({ history: { rules } }: Rules, keys: readonly string[]): boolean {
  return rules.replaySome && keys.some((key) => rules.of(patternOf(key) ?? key)?.onGap === 'replay');
}
