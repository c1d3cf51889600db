/** `tchar` of RFC 9110 §5.6.2, by character code. */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[char.charCodeAt(0)] = 1;
}

export function isTokenCode(code: number): boolean {
  return TOKEN[code] === 1;
}

/** Whether `text` is one token (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  }
  return text.length > 0;
}

/** Whether `text` is valid as a request target: visible ASCII (RFC 3986) without a fragment, which is never sent (RFC 9112 §3.2). */
export function isTargetText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return false;
  }
  return text.length > 0;
}

/** Whether a field value or reason may contain the character: HTAB, SP, VCHAR, obs-text (RFC 9110 §5.5). */
export function isFieldCode(code: number): boolean {
  return (code >= 0x20 && code !== 0x7f && code <= 0xff) || code === 0x09;
}

/** Whether every character of `text` is valid in a field value or reason. */
export function isFieldText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (!isFieldCode(text.charCodeAt(i))) return false;
  }
  return true;
}
