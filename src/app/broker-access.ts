import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { ClusterNodeOptions } from '../cluster/index.ts';
import { type Config, type PathIssue, resolveKey } from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';

/** What is wrong with a file that `[cluster]` names. */
class BrokerFileError extends Error {
  override readonly name = 'BrokerFileError';
  readonly issue: PathIssue;

  constructor(key: string, message: string) {
    super(`${key} under [cluster]: ${message}`);
    this.issue = { path: ['cluster', key], message };
  }
}

/** What is wrong with the files that `[cluster]` names. */
export function checkBroker({ cluster }: Config): readonly PathIssue[] {
  if (cluster.nats.length === 0) return [];
  try {
    brokerAccess(cluster);
    return [];
  } catch (error) {
    if (error instanceof BrokerFileError) return [error.issue];
    throw error;
  }
}

/**
 * How this node reaches the broker, as `[cluster]` and its files say.
 * @throws BrokerFileError for the first file that cannot be read or used
 */
export function brokerAccess({
  nats,
  user,
  password,
  token,
  credentials,
  ca,
  cert,
  key,
}: Config['cluster']): ClusterNodeOptions['broker'] {
  const hasTls = ca + cert !== '' || nats.some((url) => url.startsWith('tls:'));
  return {
    servers: nats,
    access: {
      ...(user !== '' && { user, password: textOf('password', password) }),
      ...(token !== '' && { token: textOf('token', token) }),
      ...(credentials !== '' && { credentials: credentialsIn(credentials) }),
    },
    tls: hasTls ? { ...(ca !== '' && { ca: authoritiesIn(ca) }), ...(cert !== '' && identityIn(cert, key)) } : null,
  };
}

/** The text of a secret, or of the file that it names. */
function textOf(name: string, secret: string): string {
  const path = secret.startsWith('file:') ? secret.slice('file:'.length) : null;
  if (path === null) return String(resolveKey(secret, () => '') ?? '');
  const text = contentOf(name, path).trimEnd();
  if (text === '') throw new BrokerFileError(name, `${path} is empty`);
  return text;
}

function credentialsIn(path: string): Buffer {
  const text = contentOf('credentials', path);
  if (!/-BEGIN NATS USER JWT-[\s\S]+-BEGIN USER NKEY SEED-/.test(text)) {
    throw new BrokerFileError('credentials', `${path} has no JWT and NKEY seed, as nsc writes them`);
  }
  return Buffer.from(text);
}

function authoritiesIn(path: string): string {
  const text = contentOf('ca', path);
  try {
    new X509Certificate(text);
  } catch {
    throw new BrokerFileError('ca', `${path} has no certificate in PEM`);
  }
  return text;
}

function identityIn(
  cert: string,
  key: string,
): Pick<SecureContextOptions & { cert: string; key: string }, 'cert' | 'key'> {
  const identity = { cert: contentOf('cert', cert), key: contentOf('key', key) };
  try {
    createSecureContext(identity);
  } catch (error) {
    throw new BrokerFileError(
      'cert',
      `this and \`key\` are no certificate and its key, in PEM: ${(error as Error).message}`,
    );
  }
  return identity;
}

function contentOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new BrokerFileError(name, `cannot read ${path}: ${systemErrorText(error)}`);
  }
}
