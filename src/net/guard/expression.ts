import { domainToASCII } from 'node:url';
import { canonicalHost, withoutTrailingDots } from './canonical-host.ts';
import { GuardError } from './guard-error.ts';
import type { IpAddress } from './ip-address.ts';
import { type IpBlock, isInBlock } from './ip-block.ts';
import { parseBlock } from './parse-block.ts';

/** What expressions are matched against: a name or an address, in canonical form. */
export interface Subject {
  readonly text: string;
  /** Null for a name. */
  readonly address: IpAddress | null;
}

/** A parsed expression of a rule. */
export interface Expression {
  /** As written, without surrounding spaces. */
  readonly source: string;
  /** Contains the matching addresses; null for a pattern, which matches text. */
  readonly block: IpBlock | null;
  /** What a matching text starts with, whether anything may follow, and what it ends with. */
  readonly prefix: string;
  readonly wild: boolean;
  readonly suffix: string;
}

/** Characters that no canonical host contains. */
const NO_PART_OF_HOST = /[^!-~]|[*%/?#@\\[\]]/;

/**
 * Parses an expression: with a slash it is a block of addresses; else with a star a pattern, where the star matches anything; else one name
 * or address. It is brought into canonical form, so `EVIL.example.` means `evil.example`, and `*.münchen.example` means the name as DNS
 * encodes it.
 * @throws GuardError if it cannot match any host: a rule that seems to deny something but does not would be a hole
 */
export function parseExpression(written: string): Expression {
  const source = written.trim();
  if (source.includes('://')) {
    throw bad(source, 'is a URL: expected a host, an address or a block such as 10.0.0.0/8');
  }
  if (source.includes('/')) return { source, block: parseBlock(source), prefix: '', wild: false, suffix: '' };
  if (source.includes('*')) return pattern(source);
  const host = canonicalHost(source);
  if (host === null) {
    throw bad(source, 'is not a valid host: expected a name, an address, a block such as 10.0.0.0/8 or *.NAME');
  }
  return { source, block: null, prefix: host, wild: false, suffix: '' };
}

/** Whether the expression matches the subject. */
export function matches({ block, prefix, wild, suffix }: Expression, { text, address }: Subject): boolean {
  if (block !== null) return address !== null && isInBlock(address, block);
  if (!wild) return text === prefix;
  return text.length >= prefix.length + suffix.length && text.startsWith(prefix) && text.endsWith(suffix);
}

function pattern(source: string): Expression {
  const canonical = withoutTrailingDots(toAscii(source).toLowerCase());
  const star = canonical.indexOf('*');
  // `*.` would become `*`, and allow or deny much more than it seems to.
  if (canonical.endsWith('*') && !source.endsWith('*')) {
    throw bad(source, `matches nothing: hosts are compared without a trailing dot; expected "${canonical}"`);
  }
  const [prefix, suffix] = [canonical.slice(0, star), canonical.slice(star + 1)];
  // A second star would be literal, and no host contains one.
  if (NO_PART_OF_HOST.test(prefix) || NO_PART_OF_HOST.test(suffix)) {
    throw bad(source, 'cannot match any host: expected a pattern with one star, such as *.NAME or 10.*');
  }
  return { source, block: null, prefix, wild: true, suffix };
}

/** The pattern in ASCII, by IDNA. */
function toAscii(source: string): string {
  if (!/\P{ASCII}/u.test(source)) return source;
  const ascii = domainToASCII(source);
  // A label that IDNA encodes is encoded as a whole: a star in it would no longer be a wildcard.
  if (ascii === '' || !ascii.includes('*') || /xn--[^.]*\*/.test(ascii)) {
    throw bad(source, 'cannot be encoded for DNS: expected the star in an ASCII label, such as *.NAME');
  }
  return ascii;
}

function bad(source: string, why: string): GuardError {
  return new GuardError(`${JSON.stringify(source)} ${why}`);
}
