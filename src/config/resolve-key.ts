import { ConfigError, textError } from './config-error.ts';
import { shown } from './plain-text.ts';

/** The forms of a key, to be read after "expected". */
export const KEY_FORMS = 'a key: its text, "base64:…" or "file:PATH"';

/**
 * The key that the text of `sig_key` or `upstream_key` stands for: bytes of a shared secret, or the PEM text of a private or
 * public key. Null for an empty text: no key.
 *
 * - `base64:…` is decoded, in either alphabet.
 * - `file:PATH` is read with `readFile` (a relative path is its business) and holds PEM, which begins with `-----BEGIN`, or hex
 *   digits, with white space anywhere between bytes.
 * - Anything else is the secret itself, in UTF-8.
 *
 * Throws a `ConfigError` that never quotes the key.
 */
export function resolveKey(text: string, readFile: (path: string) => string): Buffer | string | null {
  if (text === '') return null;
  const problem = keyProblem(text);
  if (problem !== null) throw textError(problem);
  if (text.startsWith('base64:')) return Buffer.from(text.slice('base64:'.length), 'base64');
  if (!text.startsWith('file:')) return Buffer.from(text, 'utf8');
  return keyOfFile(text.slice('file:'.length), readFile);
}

/**
 * What `make` makes of the key that `text` stands for; null for no key.
 * @param option where the text stands in the configuration
 * @throws Error that begins with `option` and never quotes the key, when the key cannot be read or `make` throws
 */
export function makeOfKey<T>(
  option: string,
  text: string,
  readFile: (path: string) => string,
  make: (key: Buffer | string) => T,
): T | null {
  try {
    const key = resolveKey(text, readFile);
    return key === null ? null : make(key);
  } catch (error) {
    throw new Error(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What is wrong with the text of a key, as far as that can be told without reading a file; null if nothing is. */
export function keyProblem(text: string): string | null {
  if (text.startsWith('base64:')) {
    const digits = text.slice('base64:'.length).replace(/={0,2}$/, '');
    if (digits === '') return 'no key follows "base64:"';
    if (!/^[A-Za-z0-9+/_-]+$/.test(digits) || digits.length % 4 === 1)
      return 'what follows "base64:" is not valid base64';
  }
  if (text === 'file:') return 'no path follows "file:"';
  return null;
}

function keyOfFile(path: string, readFile: (path: string) => string): Buffer | string {
  let content: string;
  try {
    content = readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw textError(`cannot read key file ${shown(path)}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (content.startsWith('-----BEGIN')) return content;
  const hex = content.replace(/\s+/g, '');
  if (hex === '') throw textError(`key file ${shown(path)} is empty`);
  if (!/^([0-9a-f]{2})+$/i.test(hex)) {
    throw textError(`key file ${shown(path)} holds neither PEM (which begins with -----BEGIN) nor pairs of hex digits`);
  }
  return Buffer.from(hex, 'hex');
}
