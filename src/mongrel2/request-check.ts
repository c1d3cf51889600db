import type { RequestHead } from '../exchange/index.ts';

const PERCENT = 0x25;
const MAX_METHOD = 20;

/** Characters of a target: those of paths and queries in RFC 3986 §3.3 and §3.4, with the percent sign. */
const TARGET = table("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?%");
const RELAXED = table('{}^', TARGET);
const METHOD = table('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');
const HEX = table('0123456789ABCDEFabcdef');

function table(characters: string, more?: Uint8Array): Uint8Array {
  const known = more === undefined ? new Uint8Array(256) : more.slice();
  for (const character of characters) known[character.charCodeAt(0)] = 1;
  return known;
}

/**
 * What Mongrel2 does not accept of a request that HTTP does (reference §5); null if it accepts it: methods have upper-case letters and digits, and targets what RFC 3986 allows.
 * @param relaxed whether `{`, `}` and `^` are allowed too
 */
export function requestFault({ method, target }: RequestHead, relaxed: boolean): string | null {
  if (method.length > MAX_METHOD) return `method of more than ${MAX_METHOD} characters`;
  for (let i = 0; i < method.length; i++) {
    if (METHOD[method.charCodeAt(i)] !== 1) return 'method with other characters than A to Z and 0 to 9';
  }
  const known = relaxed ? RELAXED : TARGET;
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (known[code] !== 1) return 'character in the request target that has to be percent-encoded';
    if (code === PERCENT && (HEX[target.charCodeAt(i + 1)] !== 1 || HEX[target.charCodeAt(i + 2)] !== 1)) {
      return 'percent sign without two hexadecimal digits in the request target';
    }
  }
  return null;
}
