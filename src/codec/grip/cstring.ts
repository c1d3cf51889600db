const BACKSLASH = 0x5c;

/**
 * The bytes that GRIP's `cstring` format stands for: `\\`, `\r`, `\n` and `\xHH` are read, and a backslash before any other
 * character is dropped together with it.
 * @param text latin1
 * @returns null for a `\x` without two hexadecimal digits, and for a backslash at the end
 */
export function decodeCstring(text: string): Buffer | null {
  // Every escape is longer than what it stands for.
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== BACKSLASH) {
      bytes[length++] = code;
      continue;
    }
    switch (text[++i]) {
      case '\\':
        bytes[length++] = BACKSLASH;
        break;
      case 'r':
        bytes[length++] = 0x0d;
        break;
      case 'n':
        bytes[length++] = 0x0a;
        break;
      case 'x': {
        const digits = text.slice(i + 1, i + 3);
        if (!/^[0-9a-f]{2}$/i.test(digits)) return null;
        bytes[length++] = Number.parseInt(digits, 16);
        i += 2;
        break;
      }
      case undefined:
        return null;
    }
  }
  return bytes.subarray(0, length);
}
