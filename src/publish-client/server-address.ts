import { GripSigner, keyOf, publishUrl } from '../codec/grip/index.ts';

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
 * @throws TypeError for a text that is no http or https URL, or credentials that cannot be used. It quotes neither
 */
export function serverAddress(server: string | URL, given: Credentials = {}): ServerAddress {
  const url = URL.canParse(String(server)) ? new URL(server) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new TypeError('the server is not a URL: expected http://HOST:PORT or https://HOST:PORT');
  const authorization = authorizationOf({ ...credentialsIn(url), ...given });
  return { url: publishUrl(url), authorization };
}

function credentialsIn({ username, password, searchParams }: URL): Credentials {
  const key = searchParams.get('key') ?? '';
  const issuer = searchParams.get('iss') ?? '';
  return {
    ...(username !== '' && { user: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(key !== '' && { key }),
    ...(issuer !== '' && { issuer }),
  };
}

function authorizationOf({ token, user, password = '', issuer, key }: Credentials): () => string | undefined {
  if (typeof token === 'function') return () => `Bearer ${token()}`;
  if (token !== undefined) return () => `Bearer ${token}`;
  if (user !== undefined) {
    // RFC 7617 §2: the name ends at the first colon.
    if (user.includes(':'))
      throw new TypeError('the user has a colon in its name, which Basic authentication cannot send');
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return () => basic;
  }
  if (key === undefined) return () => undefined;
  if (issuer === undefined) {
    if (typeof key !== 'string') throw new TypeError('a key of bytes signs tokens: give its issuer too');
    return () => `Bearer ${key}`;
  }
  const signer = new GripSigner(issuer, keyOf(key));
  return () => `Bearer ${signer.token()}`;
}
