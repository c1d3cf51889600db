import { matchesPattern } from '../codec/grip/index.ts';
import type { ChannelLimits } from '../history/index.ts';

/** What a configuration says of the channels whose names match a pattern. */
export interface ChannelRule {
  /** A pattern of names. */
  readonly match: string;
  /** How much of each of them is kept; null for nothing. */
  readonly keep: ChannelLimits | null;
  /** Whether a new subscriber gets the last item at once. */
  readonly retain: boolean;
  /** What a client gets that cannot get all that it has missed. */
  readonly onGap: 'event' | 'none';
}

/** Names whose rule is remembered. Beyond it all are looked up again. */
const REMEMBERED = 16_384;

/** Rules for channels, in their order: the first that matches a name counts. */
export class ChannelRules {
  readonly #rules: readonly ChannelRule[];
  readonly #found = new Map<string, ChannelRule | null>();

  /** Whether some channel may be kept. */
  readonly keepSome: boolean;

  constructor(rules: readonly ChannelRule[]) {
    this.#rules = rules;
    this.keepSome = rules.some(({ keep }) => keep !== null);
  }

  /** Stands for all of them: which channels are kept, and how much of each. */
  get text(): string {
    const numbers = (keep: ChannelLimits): string => `${keep.items} ${keep.age} ${keep.bytes}`;
    return this.#rules.map(({ match, keep }) => `${match} ${keep === null ? '-' : numbers(keep)}`).join('\n');
  }

  /** The rule of the channel with this name; null for none. */
  of(name: string): ChannelRule | null {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const rule = this.#rules.find(({ match }) => matchesPattern(match, name)) ?? null;
    if (this.#found.size >= REMEMBERED) this.#found.clear();
    this.#found.set(name, rule);
    return rule;
  }

  /** How much is kept of the channel with this name; null for nothing. */
  limitsOf(name: string): ChannelLimits | null {
    return this.of(name)?.keep ?? null;
  }

  /** Whether a pattern of a subscription may match a channel that is kept. */
  mayKeep(pattern: string): boolean {
    return this.#rules.some(({ match, keep }) => keep !== null && overlap(match, pattern));
  }
}

/** No channel is kept. */
export const NO_RULES = new ChannelRules([]);

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
