import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import type * as Acme from 'acme-client';
import { parseRetryAfter } from '../codec/fields/index.ts';
import type { AcmeStore, IssuedCertificate } from './acme-store.ts';
import { type Authority, type ChallengeKind, type Prover, RetryLater } from './authority.ts';

/** The `[acme]` section, as far as it says where certificates come from. */
export interface AcmeAccount {
  /** URL of the directory. */
  readonly directory: string;
  /** Address to write to; empty for none. */
  readonly email: string;
  /** File with certificates that the authority's own is checked with; empty for those of Node. */
  readonly ca: string;
}

/** Milliseconds for a request to the authority. */
const REQUEST_TIMEOUT = 30_000;

/**
 * Bytes of a response of the authority. Chains have some 5,000.
 * @bound acme-response
 */
const MAX_RESPONSE = 262_144;

/** An authority that speaks ACME (RFC 8555), by way of acme-client, which is loaded when the first certificate is ordered. */
export class AcmeAuthority implements Authority {
  readonly #account: AcmeAccount;
  readonly #store: AcmeStore;
  #library: typeof Acme | null = null;

  constructor(account: AcmeAccount, store: AcmeStore) {
    this.#account = account;
    this.#store = store;
  }

  async order(name: string, prover: Prover, signal: AbortSignal): Promise<IssuedCertificate> {
    const acme = await this.#load(signal);
    const { directory, email } = this.#account;
    const client = new acme.Client({ directoryUrl: directory, accountKey: await this.#accountKey(acme) });
    const key = await acme.crypto.createPrivateEcdsaKey('P-256');
    const [, csr] = await acme.crypto.createCsr({ commonName: name.length <= 64 ? name : '', altNames: [name] }, key);
    const chain = await client.auto({
      csr,
      ...(email !== '' && { email }),
      // The configuration is valid only with it.
      termsOfServiceAgreed: true,
      challengePriority: [...prover.kinds],
      // It would ask the server for the proof by the ports of the internet, which need not be those that it has here.
      skipChallengeVerification: true,
      challengeCreateFn: async (authorization, challenge, keyAuthorization) => {
        const kind = challenge.type as ChallengeKind;
        if (!prover.kinds.includes(kind))
          throw new Error(`the authority offers no proof by ${prover.kinds.join(' or ')}`);
        if (kind === 'http-01') return prover.openToken(challenge.token, keyAuthorization);
        const [proofKey, proof] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization);
        await prover.openProof(authorization.identifier.value, { chain: String(proof), key: String(proofKey) });
      },
      // All proofs are closed once the order has ended.
      challengeRemoveFn: async () => {},
    });
    return { chain, key: String(key) };
  }

  async #load(signal: AbortSignal): Promise<typeof Acme> {
    const acme = this.#library ?? (await import('acme-client'));
    this.#library = acme;
    const { defaults, interceptors } = acme.axios;
    const { ca } = this.#account;
    // Read each time: the file may have been replaced.
    if (ca !== '') defaults.httpsAgent = new Agent({ ca: readFileSync(ca) });
    Object.assign(defaults, { timeout: REQUEST_TIMEOUT, maxContentLength: MAX_RESPONSE, signal });
    // Its own ones try again by themselves, and hide why a request has failed.
    interceptors.request.clear();
    interceptors.response.clear();
    interceptors.response.use(checkBusy);
    return acme;
  }

  async #accountKey(acme: typeof Acme): Promise<string> {
    const { directory } = this.#account;
    const kept = this.#store.accountKey(directory);
    if (kept !== null) return kept;
    const key = String(await acme.crypto.createPrivateEcdsaKey('P-256'));
    await this.#store.saveAccountKey(directory, key);
    return key;
  }
}

/** What is looked at of a response. */
interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly data: unknown;
}

/** @throws RetryLater when the authority has not taken a request because there were too many */
function checkBusy<R extends Response>(response: R): R {
  const { status, headers, data } = response;
  if (status !== 429 && status !== 503) return response;
  const after = headers['retry-after'];
  const seconds = parseRetryAfter(after === undefined ? undefined : String(after), Date.now());
  const detail = (data as { detail?: unknown } | null)?.detail;
  throw new RetryLater(typeof detail === 'string' ? detail : `the authority responded with ${status}`, seconds ?? 0);
}
