import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys';

/** What an account may do with JetStream. */
const UNLIMITED = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

/** An operator, an account of its own for JetStream, and a user: what `nsc` would make. */
export interface NatsAccount {
  /** For the configuration of a server. */
  readonly config: string;
  /** The content of the user's `.creds`. */
  readonly credentials: string;
}

/** @param jetstream whether the account may use JetStream */
export function natsAccount(jetstream = true): NatsAccount {
  const [operator, system, account, user] = [createOperator(), createAccount(), createAccount(), createUser()];
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1, wildcards: true };
  const accountJwt = (of: KeyPair, more: object): string =>
    signedJwt(operator, of, { limits: { ...limits, ...more }, type: 'account', version: 2 });
  const operatorJwt = signedJwt(operator, operator, {
    type: 'operator',
    version: 2,
    system_account: system.getPublicKey(),
  });
  const userJwt = signedJwt(account, user, {
    pub: {},
    sub: {},
    subs: -1,
    data: -1,
    payload: -1,
    type: 'user',
    version: 2,
  });
  const seed = Buffer.from(user.getSeed()).toString();
  return {
    config: `operator: ${operatorJwt}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: {
  ${system.getPublicKey()}: ${accountJwt(system, {})}
  ${account.getPublicKey()}: ${accountJwt(account, jetstream ? UNLIMITED : {})}
}
`,
    credentials: `-----BEGIN NATS USER JWT-----
${userJwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`,
  };
}

function signedJwt(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sub = subject.getPublicKey();
  const claims = { jti: sub, iat: Math.floor(Date.now() / 1_000), iss: issuer.getPublicKey(), name: sub, sub, nats };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}
