import { literalBeginning } from '../../codec/grip/index.ts';
import type { HeaderList } from '../../exchange/index.ts';

/** As `Permit`, in plain data. */
export interface PermitState {
  readonly headers: HeaderList;
  readonly expires: number;
  readonly names: readonly string[] | null;
  readonly subject: string | null;
  readonly user: string | null;
}

/** What the token of a request permits, and tells the origin. */
export class Permit {
  /** Fields for the origin, made of claims. */
  readonly headers: HeaderList;
  /** When it ends, in milliseconds since 1970; infinite where clients stay held beyond it. */
  readonly expires: number;
  /** Called when the client comes to be held. */
  onHold: (() => void) | null = null;
  /** Whose clients it lets in; null where it does not say. */
  readonly user: string | null;
  readonly #channels: ChannelNames | null;
  readonly #names: readonly string[] | null;
  readonly #subject: string | null;

  /**
   * @param channels names, with `*` at the end for any rest; null for all channels
   * @param user whose clients it lets in
   * @param subject whom the token is about, as a text that no other subject has; null where it does not say
   */
  constructor(
    headers: HeaderList,
    expires: number,
    channels: readonly string[] | null,
    subject: string | null = null,
    user: string | null = null,
  ) {
    this.user = user;
    this.headers = headers;
    this.expires = expires;
    this.#channels = channels === null ? null : new ChannelNames(channels);
    this.#names = channels;
    this.#subject = subject;
  }

  get state(): PermitState {
    return {
      headers: this.headers,
      expires: this.expires,
      names: this.#names,
      subject: this.#subject,
      user: this.user,
    };
  }

  /** The permit that another process has made of a token. */
  static moved({ headers, expires, names, subject, user }: PermitState): Permit {
    return new Permit(headers, expires, names, subject, user);
  }

  /** Whose token it is. Tokens without a subject are of one holder if they permit the same and tell the origin the same. */
  get holder(): string {
    return this.#subject ?? JSON.stringify([this.headers, this.#names]);
  }

  /** Whether the client may be subscribed to the channel with this whole name. */
  permits(channel: string): boolean {
    return this.#channels === null || this.#channels.has(channel);
  }

  /** Whether the client may be subscribed to every channel that the whole pattern may match. */
  permitsPattern(pattern: string): boolean {
    return this.#channels === null || this.#channels.covers(pattern);
  }
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
    return this.#names.has(name) || this.#hasBeginningOf(name);
  }

  /** Whether all names are here that a valid pattern matches. */
  covers(pattern: string): boolean {
    const beginning = literalBeginning(pattern);
    return beginning === pattern ? this.has(pattern) : this.#hasBeginningOf(beginning);
  }

  /** Whether all names are here that begin with `text`, so `text` itself begins with one of the beginnings. */
  #hasBeginningOf(text: string): boolean {
    let from = 0;
    let to = this.#beginnings.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#beginnings[middle] as string) <= text) from = middle + 1;
      else to = middle;
    }
    return from > 0 && text.startsWith(this.#beginnings[from - 1] as string);
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Permits a preflight, which has no token: its client may not be held. */
export const NO_HOLD = new Permit([], Number.POSITIVE_INFINITY, []);
