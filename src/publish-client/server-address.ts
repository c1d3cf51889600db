import { GripSigner, keyOf, publishUrl } from '../codec/grip/index.ts';
import { isLoopback } from '../codec/http1/index.ts';

/** With what a publisher says who it is. A URL may say the same: `https://NAME:PASSWORD@HOST`, or `?iss=ISSUER&key=KEY` as in a GRIP_URL. */
export interface Credentials {
  /** Bearer token, or what returns one for each request. */
  readonly token?: string | (() => string);
  /** Name and password of Basic authentication. */
  readonly user?: string;
  readonly password?: string;
  /** Issuer of tokens that are signed with `key`. */
  readonly issuer?: string;
  /** Text or bytes of a secret, `base64:…`, or a private key in PEM. Without `issuer` the key itself is the bearer token. */
  readonly key?: string | Uint8Array;
  /**
   * Whether credentials may be sent over http to a host that is not `localhost` or a loopback address, where everybody on the way can read them. Default: false.
   */
  readonly allowInsecure?: boolean;
}

/** Where items are posted to. */
export interface ServerAddress {
  /** URL of the publish endpoint, without credentials. */
  readonly url: URL;
  /** The value of the Authorization field for a request that is sent now; undefined for none. */
  readonly authorization: () => string | undefined;
}

/**
 * Reads the URL of a server, with or without `/publish/` at its end.
 * @throws TypeError for a text that is no http or https URL, and for credentials that cannot be used or would be sent where others can read them. It quotes
 * neither
 */
export function serverAddress(server: string | URL, given: Credentials = {}): ServerAddress {
  const url = URL.canParse(String(server)) ? new URL(server) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new TypeError('the server is not a URL: expected http://HOST:PORT or https://HOST:PORT');
  const { allowInsecure = false } = given;
  const authorization = authorizationOf({ ...credentialsIn(url), ...given });
  if (authorization !== null && url.protocol === 'http:' && !isLoopback(url.hostname) && !allowInsecure)
    throw new TypeError(
      'credentials are only sent over https, or over http to this machine: allowInsecure sends them all the same',
    );
  return { url: publishUrl(url), authorization: authorization ?? nothing };
}

function nothing(): undefined {}

function credentialsIn({ username, password, searchParams }: URL): Credentials {
  const key = searchParams.get('key') ?? '';
  const issuer = searchParams.get('iss') ?? '';
  return {
    ...(username !== '' && { user: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(key !== '' && { key }),
    ...(issuer !== '' && { issuer }),
  };
}

/** Makes the value of the Authorization field; null without credentials. */
function authorizationOf({ token, user, password = '', issuer, key }: Credentials): (() => string) | null {
  if (typeof token === 'function') return () => `Bearer ${token()}`;
  if (token !== undefined) return () => `Bearer ${token}`;
  if (user !== undefined) {
    // RFC 7617 §2: the name ends at the first colon.
    if (user.includes(':'))
      throw new TypeError('the user has a colon in its name, which Basic authentication cannot send');
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return () => basic;
  }
  if (key === undefined) return null;
  if (issuer === undefined) {
    if (typeof key !== 'string') throw new TypeError('a key of bytes signs tokens: give its issuer too');
    return () => `Bearer ${key}`;
  }
  const signer = new GripSigner(issuer, keyOf(key));
  return () => `Bearer ${signer.token()}`;
}
