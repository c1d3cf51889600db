import {
  isMatchable,
  isOfWebhook,
  matchesPattern,
  subjectOfPresence,
  webhookMarkChannel,
} from '../codec/grip/index.ts';
import type { ChannelLimits } from '../history/index.ts';
import type { PresenceKind } from './presence-event.ts';

/** What a configuration says of the channels whose names match a pattern. */
export interface ChannelRule {
  /** A pattern of names, or that of the names of presence channels: `$presence.` and a pattern. */
  readonly match: string;
  /** How much of each of them is kept; null for nothing. */
  readonly keep: ChannelLimits | null;
  /** Whether a new subscriber gets the last item at once. */
  readonly retain: boolean;
  /** What a client gets that cannot get all that it has missed. */
  readonly onGap: 'event' | 'replay' | 'none';
  /** Whether there is a table of its users. */
  readonly presence: boolean;
}

/** What a webhook is told. */
export interface HookRule {
  /** The channel in which its events wait. */
  readonly queue: string;
  /** A pattern of the names of channels. */
  readonly match: string;
  readonly events: ReadonlySet<PresenceKind>;
  /** How many events wait at most. */
  readonly keep: ChannelLimits;
}

/** What is counted of a channel: its users, or only whether it has clients. */
export type Counted = 'users' | 'clients' | 'nothing';

/** What is kept of a channel of which the last item counts. */
const ONE: ChannelLimits = { items: 1, age: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

const OCCUPANCY = ['occupied', 'vacated'] as const;

/** Names that are remembered. Beyond it all are looked up again. */
const REMEMBERED = 16_384;

/** What was found out about names, so that it is found out once. */
class KnownNames<T> {
  readonly #find: (name: string) => T;
  readonly #known = new Map<string, T>();

  constructor(find: (name: string) => T) {
    this.#find = find;
  }

  of(name: string): T {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const found = this.#find(name);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(name, found);
    return found;
  }
}

/** Rules for channels, in their order: the first that matches a name counts. */
export class ChannelRules {
  readonly #rules: readonly ChannelRule[];
  readonly #hooks: readonly HookRule[];
  readonly #found = new KnownNames((name) => this.#rules.find(({ match }) => isMeant(match, name)) ?? null);
  readonly #counted = new KnownNames((name) => this.#countedOf(name));
  /** Whether some channel may be kept. */
  readonly keepSome: boolean;
  /** Whether there may be a channel of whose gaps the origin is asked. */
  readonly replaySome: boolean;
  /** Whether something may be counted of some channel. */
  readonly countSome: boolean;

  constructor(rules: readonly ChannelRule[], hooks: readonly HookRule[] = []) {
    this.#rules = rules;
    this.#hooks = hooks;
    this.keepSome = hooks.length > 0 || rules.some(({ keep }) => keep !== null);
    this.replaySome = rules.some(({ keep, onGap }) => keep !== null && onGap === 'replay');
    this.countSome = rules.some(({ presence }) => presence) || hooks.some(tellsOccupancy);
  }

  /** Stands for all of them: which channels are kept, and how much of each. */
  get text(): string {
    const numbers = (keep: ChannelLimits): string => `${keep.items} ${keep.age} ${keep.bytes}`;
    const lines = this.#rules.map(({ match, keep }) => `${match} ${keep === null ? '-' : numbers(keep)}`);
    return [...lines, ...this.#hooks.map(({ queue, keep }) => `${queue} ${numbers(keep)}`)].join('\n');
  }

  /** The largest limits of them all: items of a channel, at least one, and their age in seconds. */
  get largest(): Pick<ChannelLimits, 'items' | 'age'> {
    const kept = [...this.#rules, ...this.#hooks].flatMap(({ keep }) => keep ?? []);
    return {
      items: Math.max(1, ...kept.map(({ items }) => items)),
      age: kept.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...kept.map(({ age }) => age)),
    };
  }

  /** The rule of the channel with this name; null for none. */
  of(name: string): ChannelRule | null {
    return this.#found.of(name);
  }

  /** How much is kept of the channel with this name; null for nothing. */
  limitsOf(name: string): ChannelLimits | null {
    if (this.#hooks.length > 0 && isOfWebhook(name)) {
      for (const { queue, keep } of this.#hooks) {
        if (queue === name) return keep;
        if (webhookMarkChannel(queue) === name) return ONE;
      }
      return null;
    }
    return this.of(name)?.keep ?? null;
  }

  /** What is counted of the channel with this name. */
  counted(name: string): Counted {
    return this.#counted.of(name);
  }

  #countedOf(name: string): Counted {
    if (!isMatchable(name)) return 'nothing';
    if (this.of(name)?.presence === true) return 'users';
    const isWatched = this.#hooks.some((hook) => tellsOccupancy(hook) && matchesPattern(hook.match, name));
    return isWatched ? 'clients' : 'nothing';
  }

  /** The queues of the webhooks that are told of such an event of a channel. */
  queuesFor(kind: PresenceKind, channel: string): readonly string[] {
    const told = this.#hooks.filter(({ events, match }) => events.has(kind) && matchesPattern(match, channel));
    return told.map(({ queue }) => queue);
  }

  /** Whether a pattern of a subscription may match a channel that is kept. */
  mayKeep(pattern: string): boolean {
    return this.#rules.some(
      ({ match, keep }) => keep !== null && subjectOfPresence(match) === null && overlap(match, pattern),
    );
  }

  /** Whether it may match one that retains its last item. */
  mayRetain(pattern: string): boolean {
    return this.#rules.some(({ match, retain }) => retain && overlap(match, pattern));
  }
}

/** No channel is kept. */
export const NO_RULES = new ChannelRules([]);

function tellsOccupancy({ events }: HookRule): boolean {
  return OCCUPANCY.some((kind) => events.has(kind));
}

/** Whether a rule for names like this one is for the channel with this name. */
function isMeant(match: string, name: string): boolean {
  const about = subjectOfPresence(match);
  if (about === null) return matchesPattern(match, name);
  const subject = subjectOfPresence(name);
  return subject !== null && matchesPattern(about, subject);
}

/** Whether two valid patterns match a name in common. */
function overlap(one: string, other: string): boolean {
  const [tokens, others] = [one.split('.'), other.split('.')];
  for (let i = 0; ; i++) {
    const [token, otherToken] = [tokens[i], others[i]];
    if (token === undefined || otherToken === undefined) return token === otherToken;
    if (token === '>' || otherToken === '>') return true;
    if (token !== '*' && otherToken !== '*' && token !== otherToken) return false;
  }
}
