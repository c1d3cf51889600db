import { systemErrorText } from '../exchange/index.ts';
import { ConfigError, textError } from './config-error.ts';
import { shown } from './plain-text.ts';

const NO_SECRET =
  'this is a key in PEM or a JSON Web Key, which would count as a password here: write it as PEM into a file, and "file:PATH"';

/** The forms of a key, phrased to follow "expected". */
export const KEY_FORMS = 'a key: its text, "base64:…" or "file:PATH"';

/**
 * The key that the text of `sig_key` or `upstream_key` stands for: bytes of a shared secret, or the PEM text of a private or
 * public key. Null for an empty text: no key.
 *
 * - `base64:…` is decoded, in either alphabet.
 * - `file:PATH` is read with `readFile`, which resolves relative paths. The file contains PEM, which starts with `-----BEGIN`, or hex digits,
 *   with white space anywhere between bytes.
 * - Anything else is the secret itself, in UTF-8.
 *
 * A secret that is a PEM text or a JSON Web Key (RFC 7517) is refused: as a shared secret a public key would let everybody sign.
 *
 * Throws a `ConfigError` that never quotes the key.
 */
export function resolveKey(text: string, readFile: (path: string) => string): Buffer | string | null {
  if (text === '') return null;
  const problem = keyProblem(text);
  if (problem !== null) throw textError(problem);
  const key = text.startsWith('file:') ? keyOfFile(text.slice('file:'.length), readFile) : bytesOf(text);
  if (typeof key !== 'string' && isNoSecret(key)) throw textError(NO_SECRET);
  return key;
}

/** What is wrong with the text of a key, as far as that is known without reading a file; null if nothing is. */
export function keyProblem(text: string): string | null {
  if (text.startsWith('base64:')) {
    const digits = text.slice('base64:'.length).replace(/={0,2}$/, '');
    if (digits === '') return 'missing key after "base64:"';
    if (!/^[A-Za-z0-9+/_-]+$/.test(digits) || digits.length % 4 === 1) return 'invalid base64 after "base64:"';
  }
  if (text === 'file:') return 'missing path after "file:"';
  return !text.startsWith('file:') && isNoSecret(bytesOf(text)) ? NO_SECRET : null;
}

function bytesOf(text: string): Buffer {
  return text.startsWith('base64:') ? Buffer.from(text.slice('base64:'.length), 'base64') : Buffer.from(text, 'utf8');
}

/** Whether a text that should be a secret is a key of another kind: PEM, or a JSON Web Key, which has `kty` (RFC 7517 §4.1). */
function isNoSecret(key: Buffer): boolean {
  const text = key.toString('latin1').trimStart();
  return text.startsWith('-----BEGIN ') || (text.startsWith('{') && text.includes('"kty"'));
}

function keyOfFile(path: string, readFile: (path: string) => string): Buffer | string {
  let content: string;
  try {
    content = readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw textError(`cannot read key file ${shown(path)}: ${systemErrorText(error)}`);
  }
  if (content.startsWith('-----BEGIN')) return content;
  const hex = content.replace(/\s+/g, '');
  if (hex === '') throw textError(`key file ${shown(path)} is empty`);
  if (!/^([0-9a-f]{2})+$/i.test(hex)) {
    throw textError(
      `key file ${shown(path)} contains neither PEM (which starts with -----BEGIN) nor pairs of hex digits`,
    );
  }
  return Buffer.from(hex, 'hex');
}
