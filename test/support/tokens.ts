import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** The time in seconds since 1970, as tokens have it. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** A JWT signed with HS256. It expires in a minute unless the claims say otherwise. */
export function secretToken(claims: object, key: string): string {
  const input = inputOf({ typ: 'JWT', alg: 'HS256' }, claims);
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

/** A pair of keys, and the tokens that are signed with it. */
export class TokenSigner {
  readonly kid: string | null;
  readonly algorithm: 'RS256' | 'ES256';
  readonly publicKey: KeyObject;
  readonly #privateKey: KeyObject;

  constructor(algorithm: 'RS256' | 'ES256', kid: string | null = 'one') {
    const pair =
      algorithm === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.algorithm = algorithm;
    this.kid = kid;
    this.publicKey = pair.publicKey;
    this.#privateKey = pair.privateKey;
  }

  /** The public key in PEM. */
  get pem(): string {
    return this.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /** The public key as a member of a key set. */
  get jwk(): object {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.kid ?? undefined, alg: this.algorithm, use: 'sig' };
  }

  token(claims: object): string {
    const input = inputOf({ typ: 'JWT', alg: this.algorithm, kid: this.kid ?? undefined }, claims);
    const signature = sign('sha256', Buffer.from(input), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }
}

function inputOf(header: object, claims: object): string {
  return [header, { exp: inSeconds(60), ...claims }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
}
