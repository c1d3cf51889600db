const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes a host whose UTF-8 bytes are in latin1 text (RFC 3987 §3.1). Null if they are not UTF-8. */
export function hostText(bytes: string): string | null {
  let ascii = true;
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i);
    if (code > 0xff) return null;
    if (code > 0x7f) ascii = false;
  }
  if (ascii) return bytes;
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}
