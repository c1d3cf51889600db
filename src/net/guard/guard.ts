/** What a guard says of a name or an address, and why. */
export interface Verdict {
  readonly allowed: boolean;
  /** Which rule decided, in words for people: `rule "10.0.0.0/8" of deny`, `internal: loopback (127.0.0.0/8)`, `no rule denies it`. */
  readonly reason: string;
}

/** The rules of a guard. An expression is a CIDR block, a pattern with one `*`, or a name or address (Zurl's, see zurl.conf). */
export interface GuardRules {
  /** What becomes of whatever no rule names. With `allow`, `allow` overrides `deny`; with `deny`, both have to agree. */
  readonly defaultPolicy: 'allow' | 'deny';
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Denies all addresses that are not of the public internet, unless an expression of `allow` names them. */
  readonly denyInternal: boolean;
}

/** Decides which hosts and addresses outbound connections may go to. */
export class Guard {
  /** Different for each guard: what was opened under one must not be used under another. */
  readonly id: number;

  /** @throws GuardError for an expression that cannot be one, such as a CIDR block with bits too many */
  constructor(_rules: GuardRules) {
    this.id = 0;
  }

  /** Of a host as it stands in a URI or in `connect-host`: a name in any case, perhaps with a trailing dot, or an IP literal. */
  checkName(_host: string): Verdict {
    return { allowed: true, reason: '' };
  }

  /** Of the address that is about to be dialled, in any notation that `net.isIP` takes, zone included. */
  checkAddress(_address: string): Verdict {
    return { allowed: true, reason: '' };
  }
}
