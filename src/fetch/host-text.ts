const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The characters of a host whose bytes stand in latin1 text: they are UTF-8 (RFC 3987 §3.1). Null when they are not. */
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
