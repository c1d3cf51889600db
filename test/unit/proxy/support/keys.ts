import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A key pair, with both halves in PEM as well. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly publicPem: string;
  readonly privatePem: string;
}

/** Makes an EC key pair on the curve P-256, or on another one. */
export function ecKeys(namedCurve = 'P-256'): KeyPair {
  return withPem(generateKeyPairSync('ec', { namedCurve }));
}

/** Makes an RSA key pair. */
export function rsaKeys(modulusLength = 2048): KeyPair {
  return withPem(generateKeyPairSync('rsa', { modulusLength }));
}

/** Makes an Ed25519 key pair. */
export function ed25519Keys(): KeyPair {
  return withPem(generateKeyPairSync('ed25519'));
}

function withPem({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): KeyPair {
  return {
    publicKey,
    privateKey,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
