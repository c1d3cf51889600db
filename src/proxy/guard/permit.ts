import { ExchangeError, type HeaderList } from '../../exchange/index.ts';

/** As `Permit`, in plain data. */
export interface PermitState {
  readonly headers: HeaderList;
  readonly expires: number;
  readonly names: readonly string[] | null;
  readonly subject: string | null;
}

/** What the token of a request permits, and tells the origin. */
export class Permit {
  /** Fields for the origin, made of claims. */
  readonly headers: HeaderList;
  /** When it ends, in milliseconds since 1970; infinite where clients stay held beyond it. */
  readonly expires: number;
  /** Called when the client comes to be held. */
  onHold: (() => void) | null = null;
  readonly #channels: ChannelNames | null;
  readonly #names: readonly string[] | null;
  readonly #subject: string | null;

  /**
   * @param channels names, with `*` at the end for any rest; null for all channels
   * @param subject whom the token is about, as a text that no other subject has; null where it does not say
   */
  constructor(headers: HeaderList, expires: number, channels: readonly string[] | null, subject: string | null = null) {
    this.headers = headers;
    this.expires = expires;
    this.#channels = channels === null ? null : new ChannelNames(channels);
    this.#names = channels;
    this.#subject = subject;
  }

  get state(): PermitState {
    return { headers: this.headers, expires: this.expires, names: this.#names, subject: this.#subject };
  }

  /** The permit that another process has made of a token. */
  static moved({ headers, expires, names, subject }: PermitState): Permit {
    return new Permit(headers, expires, names, subject);
  }

  /** Whose token it is. Tokens without a subject are of one holder if they permit the same and tell the origin the same. */
  get holder(): string {
    return this.#subject ?? JSON.stringify([this.headers, this.#names]);
  }

  /** Whether the client may be subscribed to the channel with this whole name. */
  permits(channel: string): boolean {
    return this.#channels === null || this.#channels.has(channel);
  }
}

/** The first of `channels` that a client may not be subscribed to, with its whole name; null if it may all. */
export function forbiddenChannel(
  permit: Permit | null,
  prefix: string,
  channels: readonly { readonly name: string }[],
): string | null {
  if (permit === null) return null;
  for (const { name } of channels) {
    if (!permit.permits(prefix + name)) return prefix + name;
  }
  return null;
}

/** Why a client may not be held with these channels: HF_GRIP_INVALID for a preflight, HF_CHANNEL_FORBIDDEN. Null if it may. */
export function forbiddenHold(
  permit: Permit | null,
  prefix: string,
  channels: readonly { readonly name: string }[],
): ExchangeError | null {
  if (permit === NO_HOLD) return new ExchangeError('HF_GRIP_INVALID', 'a preflight that has no token cannot be held');
  const forbidden = forbiddenChannel(permit, prefix, channels);
  if (forbidden === null) return null;
  return new ExchangeError('HF_CHANNEL_FORBIDDEN', `the token does not permit the channel ${forbidden}`);
}

/** Names and beginnings of names. A look-up takes a binary search, because an origin may ask for thousands of channels. */
class ChannelNames {
  readonly #names = new Set<string>();
  /** Sorted, and none begins with another one: so the last one up to a name is the only one that the name can begin with. */
  readonly #beginnings: string[] = [];

  constructor(patterns: readonly string[]) {
    const beginnings: string[] = [];
    for (const pattern of patterns) {
      if (pattern.endsWith('*')) beginnings.push(pattern.slice(0, -1));
      else this.#names.add(pattern);
    }
    for (const beginning of beginnings.sort(byCodeUnits)) {
      const last = this.#beginnings.at(-1);
      if (last === undefined || !beginning.startsWith(last)) this.#beginnings.push(beginning);
    }
  }

  has(name: string): boolean {
    if (this.#names.has(name)) return true;
    let from = 0;
    let to = this.#beginnings.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#beginnings[middle] as string) <= name) from = middle + 1;
      else to = middle;
    }
    return from > 0 && name.startsWith(this.#beginnings[from - 1] as string);
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Permits a preflight, which has no token: its client may not be held. */
export const NO_HOLD = new Permit([], Number.POSITIVE_INFINITY, []);
