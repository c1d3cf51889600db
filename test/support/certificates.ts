import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { ipBytes } from './ip-bytes.ts';
import type { TestIdentity } from './loopback-certificate.ts';

/** What a certificate is to say. */
export interface CertificateWishes {
  /** Whom it is for: names, also with a wildcard, and IP addresses. None: subject alternative names are left out. */
  readonly names?: readonly string[];
  /** Common name of its subject. Default: the first of the names. */
  readonly commonName?: string;
  /** Days from now from when on, and until when, it is valid. Default: from yesterday until tomorrow. */
  readonly from?: number;
  readonly until?: number;
  /** What it may be used for (RFC 5280 §4.2.1.12). Default: both. */
  readonly purpose?: 'server' | 'client';
}

/** An authority of the test's own, made each time: it proves nothing to anybody else. Keys are for P-256. */
export class TestAuthority {
  /** Its own certificate, PEM: what others have to trust. */
  readonly certificate: string;
  readonly #issuer: Issuer;

  /**
   * @param parent who vouches for it; without one it does so itself
   * @param isAuthority whether its certificate says that it may vouch for others
   */
  constructor(commonName = 'Test Authority', parent: TestAuthority | null = null, isAuthority = true) {
    const keys = newKeys();
    const name = nameOf(commonName);
    const by = parent === null ? { name, keys, chain: '' } : parent.#issuer;
    const extensions = [
      extension(BASIC_CONSTRAINTS, sequence(...(isAuthority ? [TRUE] : [])), true),
      ...keyIds(keys, by.keys),
    ];
    this.certificate = signed(bodyOf(by.name, name, keys, -1, 1, extensions), by.keys);
    this.#issuer = { name, keys, chain: parent === null ? '' : this.certificate + by.chain };
  }

  /** A certificate, followed by those that lead from it to an authority without a parent, and its key. */
  issue(wishes: CertificateWishes = {}): TestIdentity {
    return make(wishes, this.#issuer);
  }
}

/** A certificate that nobody but itself vouches for. */
export function selfSigned(wishes: CertificateWishes): TestIdentity {
  return make(wishes, null);
}

interface Issuer {
  readonly name: Buffer;
  readonly keys: Keys;
  /** Certificates between this one and one that others trust by itself. */
  readonly chain: string;
}

/** As DER (SubjectPublicKeyInfo), and as PEM. */
interface Keys {
  readonly publicKey: Buffer;
  readonly privateKey: string;
}

/** Exported within the call that makes them: to export keys later can meet the garbage collector on the same lock (Node 20). */
function newKeys(): Keys {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

function make(wishes: CertificateWishes, issuer: Issuer | null): TestIdentity {
  const { names = [], commonName = names[0] ?? 'nobody', from = -1, until = 1, purpose } = wishes;
  const keys = newKeys();
  const extensions = keyIds(keys, issuer?.keys ?? keys);
  if (names.length > 0) extensions.push(extension(SUBJECT_ALT_NAME, sequence(...names.map(altName))));
  if (purpose !== undefined) extensions.push(extension(EXTENDED_KEY_USAGE, sequence(PURPOSES[purpose])));
  const subject = nameOf(commonName);
  const body = bodyOf(issuer?.name ?? subject, subject, keys, from, until, extensions);
  return {
    certificate: signed(body, issuer?.keys ?? keys) + (issuer?.chain ?? ''),
    key: keys.privateKey,
  };
}

// What follows is DER (X.690) as far as certificates need it (RFC 5280 §4.1).

const SEQUENCE = 0x30;
const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
const COMMON_NAME = oid('550403');
const SUBJECT_KEY_ID = oid('551d0e');
const SUBJECT_ALT_NAME = oid('551d11');
const BASIC_CONSTRAINTS = oid('551d13');
const AUTHORITY_KEY_ID = oid('551d23');
const EXTENDED_KEY_USAGE = oid('551d25');
const PURPOSES = { server: oid('2b06010505070301'), client: oid('2b06010505070302') };

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, ...parts);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function octets(content: Buffer): Buffer {
  return der(0x04, content);
}

function bits(content: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), content);
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName)))));
}

/** GeneralizedTime, in days from now. */
function time(days: number): Buffer {
  const text = new Date(Date.now() + days * 86_400_000).toISOString();
  return der(0x18, Buffer.from(`${text.slice(0, 19).replace(/\D/g, '')}Z`));
}

function extension(id: Buffer, value: Buffer, critical = false): Buffer {
  return sequence(id, ...(critical ? [TRUE] : []), octets(value));
}

function keyIds(own: Keys, issuers: Keys): Buffer[] {
  return [
    extension(SUBJECT_KEY_ID, octets(keyId(own))),
    extension(AUTHORITY_KEY_ID, sequence(der(0x80, keyId(issuers)))),
  ];
}

function keyId({ publicKey }: Keys): Buffer {
  return createHash('sha1').update(publicKey).digest();
}

function altName(name: string): Buffer {
  return isIP(name) === 0 ? der(0x82, Buffer.from(name)) : der(0x87, ipBytes(name));
}

function bodyOf(
  issuer: Buffer,
  subject: Buffer,
  { publicKey }: Keys,
  from: number,
  until: number,
  extensions: readonly Buffer[],
): Buffer {
  const serial = randomBytes(16);
  // A positive number without a leading zero.
  serial[0] = 0x40 | ((serial[0] as number) & 0x3f);
  return sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(time(from), time(until)),
    subject,
    publicKey,
    der(0xa3, sequence(...extensions)),
  );
}

function signed(body: Buffer, { privateKey }: Keys): string {
  const certificate = sequence(body, ECDSA_WITH_SHA256, bits(sign('sha256', body, privateKey)));
  const lines = certificate.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}
