import { GripSigner } from '../codec/grip/index.ts';
import { resolveKey } from '../config/index.ts';
import { CliError, USAGE } from './cli-error.ts';

/**
 * The value of the Authorization field that a GRIP_URL asks for, as GRIP libraries read it: with a user and a password Basic authentication;
 * with `iss` and `key` in the query a JWT that is signed with the key; with `key` alone the key itself as a bearer token.
 * @param readFile reads a key of the form `file:PATH`
 * @returns null if there is neither a user nor a key
 * @throws CliError for a key that cannot be used; it never quotes the key
 */
export function gripUrlCredentials(url: URL, readFile: (path: string) => string): string | null {
  if (url.username !== '') {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  // In a query a plus sign stands for a space, and base64 has no spaces.
  const text = (url.searchParams.get('key') ?? '').replaceAll(' ', '+');
  const issuer = url.searchParams.get('iss') ?? '';
  if (text === '') return null;
  if (issuer === '') return `Bearer ${text}`;
  try {
    const key = resolveKey(text, readFile) as Buffer | string;
    return `Bearer ${new GripSigner(issuer, key).token()}`;
  } catch (error) {
    throw new CliError(`the key of --spec or GRIP_URL cannot be used: ${(error as Error).message}`, USAGE);
  }
}
