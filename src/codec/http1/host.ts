import { isIPv6 } from 'node:net';

const COLON = 0x3a;
const PERCENT = 0x25;
const BRACKET = 0x5b;

/** `unreserved` and `sub-delims` of RFC 3986 §2, by character code: what a registered name may contain besides encoded characters. */
const REG_NAME = new Uint8Array(256);
for (const char of "!$&'()*+,-.;=_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  REG_NAME[char.charCodeAt(0)] = 1;
}

const MAX_PORT = 65_535;

/**
 * Whether `text` is a Host value (RFC 9110 §7.2, RFC 3986 §3.2.2): a name or an address, optionally with a port up to 65535. Empty is
 * allowed (RFC 9112 §3.2).
 */
export function isHost(text: string): boolean {
  if (text.charCodeAt(0) === BRACKET) return isLiteral(text);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (REG_NAME[code] === 1) continue;
    if (code === COLON) return isPort(text, i + 1);
    if (code !== PERCENT || !isHexDigit(text.charCodeAt(i + 1)) || !isHexDigit(text.charCodeAt(i + 2))) return false;
    i += 2;
  }
  return true;
}

/** An IP address in brackets. Zones (RFC 6874) are valid on one machine only, and no later IP version has a literal yet. */
function isLiteral(text: string): boolean {
  const end = text.indexOf(']');
  const address = text.slice(1, end);
  if (end < 0 || address.includes('%') || !isIPv6(address)) return false;
  return end + 1 === text.length || (text.charCodeAt(end + 1) === COLON && isPort(text, end + 2));
}

/** Whether `text` has only digits from `start` on; there may be none (RFC 3986 §3.2.3). */
function isPort(text: string, start: number): boolean {
  let port = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= MAX_PORT;
}

function isHexDigit(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x66);
}
