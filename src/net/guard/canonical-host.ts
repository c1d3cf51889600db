import { formatAddress, parseAddress, withoutZone } from './ip-address.ts';

/** What resolvers look up: letters, digits, hyphens and underscores. URL parsers let more pass, such as `127.0.0.1;good.test`. */
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
/** Octets of a DNS name, written with dots (RFC 1035 §2.3.4). */
const MAX_NAME = 253;
/** Longest input examined: a name with every octet percent-encoded, each in four bytes of UTF-8, is no longer. */
const MAX_TEXT = 12 * MAX_NAME;
/** Times that a name may change before it is stable: by mapping, then by its dots. */
const MAX_ROUNDS = 4;
/** Characters that end a host in a URI, are not part of one, or are silently removed by URL parsers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what is refused.
const NO_HOST = /[\x00-\x20\x7f/?#@\\]/;

/**
 * The canonical form of a host as written in a URI or in `connect-host`, or null if it is not a host. Code that resolves or dials uses only
 * this form, because it is what the guard judged.
 *
 * - An IPv6 literal, with or without brackets, is in the form of RFC 5952, without zone; when it is IPv4-mapped, the IPv4 address.
 * - IPv4 in any notation that the WHATWG URL standard accepts (`0x7f.1`, `017700000001`, `2130706433`) is four decimal numbers.
 * - Any other name is percent-decoded, mapped and encoded by IDNA (so in lower case), and without trailing dots.
 */
export function canonicalHost(host: string): string | null {
  if (host.length > MAX_TEXT || NO_HOST.test(host)) return null;
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  if (isBracketed || host.includes(':')) return canonicalIpv6(isBracketed ? host.slice(1, -1) : host);
  return canonicalName(host);
}

function canonicalIpv6(text: string): string | null {
  const address = text.includes(':') ? parseAddress(withoutZone(text)) : null;
  return address === null ? null : formatAddress(address);
}

function canonicalName(host: string): string | null {
  let name = withoutTrailingDots(host);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const parsed = name === '' ? null : parseName(name);
    if (parsed === null) return null;
    // Trailing dots may have been disguised (U+3002, %2e); the URL parser then missed the address in front of them.
    const bare = withoutTrailingDots(parsed);
    if (bare === name) return name.length <= MAX_NAME && NAME.test(name) ? name : null;
    name = bare;
  }
  return null;
}

/** The host that the URL parser makes of this one; null if it finds no host. */
function parseName(name: string): string | null {
  try {
    return new URL(`http://${name}/`).hostname;
  } catch {
    return null;
  }
}

/** A trailing dot only says that the name is complete (RFC 1034 §3.1). Programs differ on more than one: here all are removed. */
export function withoutTrailingDots(name: string): string {
  let end = name.length;
  while (end > 0 && name.charCodeAt(end - 1) === 0x2e) end--;
  return name.slice(0, end);
}
