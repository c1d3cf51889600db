import { canonicalHost } from './canonical-host.ts';
import type { Denials } from './denials.ts';
import { type Expression, matches, parseExpression, type Subject } from './expression.ts';
import { forms } from './forms.ts';
import { internalAddress, internalName } from './internal.ts';
import { type IpAddress, ipv4, parseAddress, withoutZone } from './ip-address.ts';

/** A guard's decision about a name or an address, and the reason. */
export interface Verdict {
  readonly allowed: boolean;
  /**
   * Which rule decided, in words: `rule "10.0.0.0/8" of deny`, `internal: loopback (127.0.0.0/8, RFC 1122)`, `no rule denies it`. If it was
   * about an embedded address, that follows: `…, for 10.0.0.1 (NAT64)`.
   */
  readonly reason: string;
}

/**
 * The rules of a guard. An expression is a CIDR block, a pattern with one `*`, or a name or address (Zurl's, see zurl.conf). It is matched
 * against names and addresses in canonical form, and a rule for an address also against addresses that embed it. What denies 127.0.0.1
 * also denies ::1.
 */
export interface GuardRules {
  /** What happens to hosts that no rule matches. With `allow`, `allow` overrides `deny`; with `deny`, both must agree. */
  readonly defaultPolicy: 'allow' | 'deny';
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Denies all addresses outside the public internet, and `localhost`, unless an expression of `allow` matches them. */
  readonly denyInternal: boolean;
}

/** A name, or one form of an address, and what is known of it. */
interface Judged extends Subject {
  /** Appended to a reason: which form it is about; empty for the host itself. */
  readonly about: string;
  /** Allowing it allows the host. */
  readonly same: boolean;
  /** Why it is internal; null if it is not, or if internal addresses are not denied. */
  readonly internal: string | null;
}

/** Cached verdicts, for names and for addresses each. */
const MAX_KEPT = 1_000;
/** Longer texts are not cached: no host in plain notation is longer. */
const MAX_KEPT_LENGTH = 253;

const NO_HOST: Verdict = { allowed: false, reason: 'neither a host name nor an address' };
const NO_ADDRESS: Verdict = { allowed: false, reason: 'not an address' };
const NOT_DENIED: Verdict = { allowed: true, reason: 'no rule denies it' };
const NOT_ALLOWED: Verdict = { allowed: false, reason: 'no allow rule matches it' };

/** The machine itself, by its IPv6 and its IPv4 address. */
const LOOPBACK6 = '::1';
const LOOPBACK4: Subject = { text: '127.0.0.1', address: ipv4(0x7f00_0001n) };

let lastId = 0;

/** Decides which hosts and addresses outbound connections may go to. */
export class Guard {
  /** Different for each guard: connections opened under one must not be reused under another. */
  readonly id: number;
  readonly #denials: Denials | null;
  readonly #allowsByDefault: boolean;
  readonly #allow: readonly Expression[];
  readonly #deny: readonly Expression[];
  readonly #denyInternal: boolean;
  readonly #names = new Map<string, Verdict>();
  readonly #addresses = new Map<string, Verdict>();

  /**
   * @param denials counts what is denied; null where nobody asks
   * @throws GuardError for an expression that cannot match, such as a CIDR block with too many bits
   */
  constructor(rules: GuardRules, denials: Denials | null = null) {
    this.id = ++lastId;
    this.#denials = denials;
    this.#allowsByDefault = rules.defaultPolicy === 'allow';
    this.#allow = rules.allow.map(parseExpression);
    this.#deny = rules.deny.map(parseExpression);
    this.#denyInternal = rules.denyInternal;
  }

  /**
   * Judges a host as written in a URI or in `connect-host`: a name in any case, perhaps with a trailing dot, or an IP literal in any notation.
   * Anything else is denied. An allowed name may still have denied addresses.
   */
  checkName(host: string): Verdict {
    return this.#counted(this.#judgedName(host));
  }

  #judgedName(host: string): Verdict {
    const kept = this.#names.get(host);
    if (kept !== undefined) return kept;
    const name = canonicalHost(host);
    if (name === null) return NO_HOST;
    const address = parseAddress(name);
    return keep(this.#names, host, address === null ? this.#judge([this.#name(name)]) : this.#judgeAddress(address));
  }

  /** Judges an address that is about to be dialled, in any notation that `net.isIP` accepts, zone included. Anything else is denied. */
  checkAddress(address: string): Verdict {
    return this.#counted(this.#judgedAddress(address));
  }

  #judgedAddress(address: string): Verdict {
    const kept = this.#addresses.get(address);
    if (kept !== undefined) return kept;
    const parsed = parseAddress(withoutZone(address));
    return parsed === null ? NO_ADDRESS : keep(this.#addresses, address, this.#judgeAddress(parsed));
  }

  #counted(verdict: Verdict): Verdict {
    if (!verdict.allowed) this.#denials?.note(verdict.reason);
    return verdict;
  }

  #name(text: string): Judged {
    return { text, address: null, about: '', same: true, internal: this.#denyInternal ? internalName(text) : null };
  }

  #judgeAddress(dialled: IpAddress): Verdict {
    return this.#judge(
      forms(dialled).map(({ address, text, via, same }) => {
        const about = via === '' ? '' : `, for ${text} (${via})`;
        return { text, address, about, same, internal: this.#denyInternal ? internalAddress(address) : null };
      }),
    );
  }

  /** No form may be denied. If nothing is allowed by default, a form that is the host itself must be allowed. */
  #judge(judged: readonly Judged[]): Verdict {
    let allowing: string | null = null;
    for (const form of judged) {
      const { outcome, reason } = this.#judgeForm(form);
      if (outcome === 'denied') return { allowed: false, reason: reason + form.about };
      if (outcome === 'allowed' && (form.same || this.#allowsByDefault)) allowing ??= reason + form.about;
    }
    if (allowing !== null) return { allowed: true, reason: allowing };
    return this.#allowsByDefault ? NOT_DENIED : NOT_ALLOWED;
  }

  #judgeForm(form: Judged): { outcome: 'allowed' | 'denied' | 'unnamed'; reason: string } {
    const allow = find(this.#allow, form);
    // A rule that denies `127.0.0.0/8` means this machine: `localhost` usually has both addresses.
    const deny = find(this.#deny, form) ?? (form.text === LOOPBACK6 ? find(this.#deny, LOOPBACK4) : null);
    const internal = form.internal === null ? null : `internal: ${form.internal}`;
    const denial = deny === null ? internal : `rule "${deny}" of deny`;
    const isOverridden = allow !== null && (deny === null || this.#allowsByDefault);
    if (denial !== null && !isOverridden) return { outcome: 'denied', reason: denial };
    if (allow === null) return { outcome: 'unnamed', reason: '' };
    return { outcome: 'allowed', reason: `rule "${allow}" of allow${denial === null ? '' : ` overrides ${denial}`}` };
  }
}

/** The first expression that matches, as written. */
function find(expressions: readonly Expression[], form: Subject): string | null {
  return expressions.find((expression) => matches(expression, form))?.source ?? null;
}

function keep(verdicts: Map<string, Verdict>, key: string, verdict: Verdict): Verdict {
  if (key.length > MAX_KEPT_LENGTH) return verdict;
  if (verdicts.size >= MAX_KEPT) verdicts.clear();
  verdicts.set(key, verdict);
  return verdict;
}
