import { isIP } from 'node:net';
import { descriptorShortage } from './descriptors.ts';
import { DialError } from './dialler.ts';

/** Looks up the addresses of a name. Rejects with an error that has the code of the system or of c-ares. */
export type LookUp = (name: string, family: 0 | 4) => Promise<readonly string[]>;

/**
 * Printable ASCII, as long as a name can be. Other characters are ambiguous: some resolvers map them to others, and some read up to a
 * zero byte.
 */
const NAME = /^[!-~]{1,255}$/;

/** Codes that mean that the name has no addresses, and that retrying soon does not help. */
const NOT_KNOWN = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME', 'EBADNAME']);

/** Further explanations, by code. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: ': no name server is listening',
  EREFUSED: ': the name server refuses to answer',
  ESERVFAIL: ': the name server has failed',
  ETIMEOUT: ': no name server replied',
};

/**
 * Lookups in progress: identical queries share one result. Nothing is kept after that, so every new connection uses the current addresses of
 * a name.
 */
export class SharedLookups {
  readonly #lookUp: LookUp;
  /**
   * By query. Each open request waits for at most one.
   * @bound lookups
   */
  readonly #underWay = new Map<string, Promise<readonly string[]>>();

  constructor(lookUp: LookUp) {
    this.#lookUp = lookUp;
  }

  /**
   * As `Resolver.resolve`.
   * @throws DialError `resolve`
   */
  resolve(host: string, family: 0 | 4): Promise<readonly string[]> {
    const literal = isIP(host);
    if (literal === 4 || (literal === 6 && family === 0)) return Promise.resolve([host]);
    if (literal === 6) return fail('IPv6 address where only IPv4 is allowed');
    if (!NAME.test(host)) return fail('invalid host name');
    const question = `${family} ${host.toLowerCase()}`;
    let answer = this.#underWay.get(question);
    if (answer === undefined) {
      answer = this.#ask(host, family).finally(() => this.#underWay.delete(question));
      this.#underWay.set(question, answer);
    }
    return answer;
  }

  async #ask(host: string, family: 0 | 4): Promise<readonly string[]> {
    let addresses: readonly string[];
    try {
      addresses = await this.#lookUp(host, family);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Without an error code it is a defect of ours, not a failed lookup.
      if (code === undefined) throw error;
      const shortage = descriptorShortage();
      if (shortage !== null) throw new DialError('descriptors', shortage);
      throw new DialError('resolve', failureText(code));
    }
    if (addresses.length === 0) throw new DialError('resolve', failureText('ENODATA'));
    return addresses;
  }
}

function fail(message: string): Promise<never> {
  return Promise.reject(new DialError('resolve', message));
}

function failureText(code: string): string {
  if (NOT_KNOWN.has(code)) return 'unknown host name';
  return `host name cannot be resolved at present${CAUSES[code] ?? ''}`;
}
