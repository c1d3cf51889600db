/**
 * The key that an application gives: bytes and text are a shared secret, `base64:…` its bytes, and a text that begins with `-----BEGIN` is a
 * key in PEM. The result is what `TokenVerifier` and `GripSigner` take.
 * @throws TypeError for an empty key; it never quotes the key
 */
export function keyOf(key: string | Uint8Array): Buffer | string {
  if (key.length === 0) throw new TypeError('the key is empty');
  if (typeof key !== 'string') return Buffer.from(key);
  if (key.trimStart().startsWith('-----BEGIN')) return key.trimStart();
  if (!key.startsWith('base64:')) return Buffer.from(key);
  // In the query of a URL a plus sign stands for a space, and base64 has no spaces.
  const bytes = Buffer.from(key.slice('base64:'.length).replaceAll(' ', '+'), 'base64');
  if (bytes.length === 0) throw new TypeError('the key has no base64 after "base64:"');
  return bytes;
}
