import type { SecureContext } from 'node:tls';
import { inSlices } from '../clock/index.ts';
import type { CertificatePair } from '../config/index.ts';
import type { Renewal, TlsIdentities } from '../net/index.ts';
import type { Prepared } from './prepared.ts';

/** A certificate that is another one from now on. */
export interface CertificateChange {
  readonly name: string;
  /** When it expires, ISO 8601; null for one that is no longer set. */
  readonly expires: string | null;
}

/** Certificates by name. */
export type CertificatePairs = Readonly<Record<string, CertificatePair>>;

/** New certificates that are ready to be used. */
export interface PreparedCertificates extends Prepared {
  readonly changes: readonly CertificateChange[];
}

/** The certificates of all listeners of a process. Running connections keep those that they began with. */
export class Certificates {
  readonly #listeners: TlsIdentities[] = [];
  /** Those that were set through the control API. */
  #set: CertificatePairs;
  /** The contexts of these for each listener, which may differ in their ciphers. */
  readonly #given = new Map<TlsIdentities, Map<string, SecureContext>>();

  /**
   * @param set certificates that come before those of the folders
   */
  constructor(set: CertificatePairs = {}) {
    this.#set = set;
  }

  /**
   * Looks after the certificates of a listener from now on.
   * @throws Error for one that is set, or the default one, if it cannot be used
   */
  add(listener: TlsIdentities): void {
    // A reload would not notice that it is broken before a client has asked for it.
    listener.loadDefault();
    const given = new Map<string, SecureContext>();
    for (const [name, pair] of Object.entries(this.#set))
      given.set(name, checked(name, () => listener.contextOf(pair)).context);
    this.#listeners.push(listener);
    this.#given.set(listener, given);
    listener.give(given);
  }

  /**
   * Loads what has changed: files of certificates that are in use, and those that are set.
   * @throws Error that names the certificate that cannot be used
   */
  async prepare(set: CertificatePairs): Promise<PreparedCertificates> {
    const changes = new Map<string, CertificateChange>();
    const renewals: Renewal[] = [];
    for (const listener of this.#listeners) {
      await inSlices(listener.loaded, (name) => {
        const renewal = checked(name, () => listener.renew(name));
        if (renewal === null) return;
        renewals.push(renewal);
        changes.set(name, { name, expires: renewal.expires });
      });
    }
    const former = this.#set;
    const given = new Map<TlsIdentities, Map<string, SecureContext>>();
    for (const listener of this.#listeners) {
      const contexts = new Map(this.#given.get(listener));
      given.set(listener, contexts);
      for (const name of Object.keys(former)) if (!Object.hasOwn(set, name)) contexts.delete(name);
      await inSlices(Object.entries(set), ([name, pair]) => {
        if (Object.hasOwn(former, name) && isSame(former[name], pair)) return;
        const { context, expires } = checked(name, () => listener.contextOf(pair));
        contexts.set(name, context);
        changes.set(name, { name, expires });
      });
    }
    for (const name of Object.keys(former)) {
      if (!Object.hasOwn(set, name)) changes.set(name, { name, expires: null });
    }
    return {
      changes: [...changes.values()],
      commit: () => {
        this.#set = set;
        for (const renewal of renewals) renewal.commit();
        for (const [listener, contexts] of given) {
          this.#given.set(listener, contexts);
          listener.give(contexts);
        }
      },
      discard: () => {},
    };
  }
}

function isSame(a: CertificatePair | undefined, b: CertificatePair): boolean {
  return a?.cert === b.cert && a.key === b.key;
}

function checked<T>(name: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    throw new Error(`the certificate "${name}" cannot be used: ${(error as Error).message}`);
  }
}
