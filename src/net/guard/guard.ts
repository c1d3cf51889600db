import { canonicalHost } from './canonical-host.ts';
import { type Expression, matches, parseExpression, type Subject } from './expression.ts';
import { forms } from './forms.ts';
import { internalAddress, internalName } from './internal.ts';
import { type IpAddress, ipv4, parseAddress, withoutZone } from './ip-address.ts';

/** What a guard says of a name or an address, and why. */
export interface Verdict {
  readonly allowed: boolean;
  /**
   * Which rule decided, in words for people: `rule "10.0.0.0/8" of deny`, `internal: loopback (127.0.0.0/8, RFC 1122)`,
   * `no rule denies it`. When it decided about an address that the host embeds, that stands behind it: `…, for 10.0.0.1 (NAT64)`.
   */
  readonly reason: string;
}

/**
 * The rules of a guard. An expression is a CIDR block, a pattern with one `*`, or a name or address (Zurl's, see zurl.conf). It is
 * applied to names and addresses in canonical form, and a rule for an address also to those that embed it. What denies 127.0.0.1 denies
 * ::1 as well.
 */
export interface GuardRules {
  /** What becomes of whatever no rule names. With `allow`, `allow` overrides `deny`; with `deny`, both have to agree. */
  readonly defaultPolicy: 'allow' | 'deny';
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Denies all addresses that are not of the public internet, and `localhost`, unless an expression of `allow` names them. */
  readonly denyInternal: boolean;
}

/** A name, or one form of an address, and what is known of it. */
interface Judged extends Subject {
  /** Behind a reason: which form it is about; empty for the host itself. */
  readonly about: string;
  /** An `allow` of it is an `allow` of the host. */
  readonly same: boolean;
  /** Why it is internal; null when it is not, or when that is not asked for. */
  readonly internal: string | null;
}

/** Verdicts that are kept, of names and of addresses each. */
const MAX_KEPT = 1_000;
/** Longer texts are not kept: no host in plain notation has more. */
const MAX_KEPT_LENGTH = 253;

const NO_HOST: Verdict = { allowed: false, reason: 'neither a host name nor an address' };
const NO_ADDRESS: Verdict = { allowed: false, reason: 'not an address' };
const NOT_DENIED: Verdict = { allowed: true, reason: 'no rule denies it' };
const NOT_ALLOWED: Verdict = { allowed: false, reason: 'no rule of allow names it' };

/** The machine itself, by its address of IPv6 and of IPv4. */
const LOOPBACK6 = '::1';
const LOOPBACK4: Subject = { text: '127.0.0.1', address: ipv4(0x7f00_0001n) };

let lastId = 0;

/** Decides which hosts and addresses outbound connections may go to. */
export class Guard {
  /** Different for each guard: what was opened under one must not be used under another. */
  readonly id: number;
  readonly #allowsByDefault: boolean;
  readonly #allow: readonly Expression[];
  readonly #deny: readonly Expression[];
  readonly #denyInternal: boolean;
  readonly #names = new Map<string, Verdict>();
  readonly #addresses = new Map<string, Verdict>();

  /** @throws GuardError for an expression that can match nothing, such as a CIDR block with bits too many */
  constructor(rules: GuardRules) {
    this.id = ++lastId;
    this.#allowsByDefault = rules.defaultPolicy === 'allow';
    this.#allow = rules.allow.map(parseExpression);
    this.#deny = rules.deny.map(parseExpression);
    this.#denyInternal = rules.denyInternal;
  }

  /**
   * Of a host as it stands in a URI or in `connect-host`: a name in any case, perhaps with a trailing dot, or an IP literal in any
   * notation. Denied when it is neither. A name that is allowed may still have addresses that are not.
   */
  checkName(host: string): Verdict {
    const kept = this.#names.get(host);
    if (kept !== undefined) return kept;
    const name = canonicalHost(host);
    if (name === null) return NO_HOST;
    const address = parseAddress(name);
    return keep(this.#names, host, address === null ? this.#judge([this.#name(name)]) : this.#judgeAddress(address));
  }

  /** Of the address that is about to be dialled, in any notation that `net.isIP` takes, zone included. Denied when it is something else. */
  checkAddress(address: string): Verdict {
    const kept = this.#addresses.get(address);
    if (kept !== undefined) return kept;
    const parsed = parseAddress(withoutZone(address));
    return parsed === null ? NO_ADDRESS : keep(this.#addresses, address, this.#judgeAddress(parsed));
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

  /** No form may be denied; where nothing is allowed by default, one of those that are the very host has to be allowed. */
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
    // Who denies `127.0.0.0/8` means this machine: `localhost` mostly has both addresses.
    const deny = find(this.#deny, form) ?? (form.text === LOOPBACK6 ? find(this.#deny, LOOPBACK4) : null);
    const internal = form.internal === null ? null : `internal: ${form.internal}`;
    const denial = deny === null ? internal : `rule "${deny}" of deny`;
    const isOverridden = allow !== null && (deny === null || this.#allowsByDefault);
    if (denial !== null && !isOverridden) return { outcome: 'denied', reason: denial };
    if (allow === null) return { outcome: 'unnamed', reason: '' };
    return { outcome: 'allowed', reason: `rule "${allow}" of allow${denial === null ? '' : ` overrides ${denial}`}` };
  }
}

/** The first of the expressions that names it, as it was written. */
function find(expressions: readonly Expression[], form: Subject): string | null {
  return expressions.find((expression) => matches(expression, form))?.source ?? null;
}

function keep(verdicts: Map<string, Verdict>, key: string, verdict: Verdict): Verdict {
  if (key.length > MAX_KEPT_LENGTH) return verdict;
  if (verdicts.size >= MAX_KEPT) verdicts.clear();
  verdicts.set(key, verdict);
  return verdict;
}
