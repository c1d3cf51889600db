import { domainToASCII } from 'node:url';
import { canonicalHost, withoutTrailingDots } from './canonical-host.ts';
import { GuardError } from './guard-error.ts';
import type { IpAddress } from './ip-address.ts';
import { type IpBlock, isInBlock } from './ip-block.ts';
import { parseBlock } from './parse-block.ts';

/** What expressions are applied to: a name or an address, in canonical form. */
export interface Subject {
  readonly text: string;
  /** Null for a name. */
  readonly address: IpAddress | null;
}

/** An expression of a rule, understood. */
export interface Expression {
  /** As it was written, but for spaces around it. */
  readonly source: string;
  /** Holds the addresses that match; null for a pattern, which goes by text. */
  readonly block: IpBlock | null;
  /** What a matching text begins with, and whether something else may follow; then what it ends with. */
  readonly prefix: string;
  readonly wild: boolean;
  readonly suffix: string;
}

/** What no canonical host has. */
const NO_PART_OF_HOST = /[^!-~]|[*%/?#@\\[\]]/;

/**
 * Reads an expression: with a slash a block of addresses; else with a star a pattern, in which the star stands for anything; else one
 * name or address. It is brought into the form that hosts are compared in, so that `EVIL.example.` means `evil.example`, and
 * `*.münchen.example` the name as DNS has it.
 * @throws GuardError for what can match no host: a rule that seems to deny something, and does not, would be a hole
 */
export function parseExpression(written: string): Expression {
  const source = written.trim();
  if (source.includes('/')) return { source, block: parseBlock(source), prefix: '', wild: false, suffix: '' };
  if (source.includes('*')) return pattern(source);
  const host = canonicalHost(source);
  if (host === null) {
    throw bad(source, 'can be no host: expected a name, an address, a block such as 10.0.0.0/8 or *.NAME');
  }
  return { source, block: null, prefix: host, wild: false, suffix: '' };
}

/** Whether the expression names the subject. */
export function matches({ block, prefix, wild, suffix }: Expression, { text, address }: Subject): boolean {
  if (block !== null) return address !== null && isInBlock(address, block);
  if (!wild) return text === prefix;
  return text.length >= prefix.length + suffix.length && text.startsWith(prefix) && text.endsWith(suffix);
}

function pattern(source: string): Expression {
  const canonical = withoutTrailingDots(toAscii(source).toLowerCase());
  const star = canonical.indexOf('*');
  // `*.` would be `*` without its dot, and allow or deny much more than it seems to.
  if (canonical.endsWith('*') && !source.endsWith('*')) {
    throw bad(source, `matches nothing: hosts are compared without a dot at the end; expected "${canonical}"`);
  }
  const [prefix, suffix] = [canonical.slice(0, star), canonical.slice(star + 1)];
  // A second star would stand for itself, and no host has one.
  if (NO_PART_OF_HOST.test(prefix) || NO_PART_OF_HOST.test(suffix)) {
    throw bad(source, 'can match no host: expected a pattern with one star, such as *.NAME or 10.*');
  }
  return { source, block: null, prefix, wild: true, suffix };
}

/** The pattern in ASCII, by IDNA. */
function toAscii(source: string): string {
  if (!/\P{ASCII}/u.test(source)) return source;
  const ascii = domainToASCII(source);
  // A label that IDNA has encoded is encoded as a whole: a star within stands for nothing any more.
  if (ascii === '' || !ascii.includes('*') || /xn--[^.]*\*/.test(ascii)) {
    throw bad(source, 'has no form in DNS: expected a star in a label of ASCII alone, such as *.NAME');
  }
  return ascii;
}

function bad(source: string, why: string): GuardError {
  return new GuardError(`${JSON.stringify(source)} ${why}`);
}
