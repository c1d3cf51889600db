import { isIP } from 'node:net';
import { descriptorShortage } from './descriptors.ts';
import { DialError } from './dialler.ts';

/** Finds out the addresses of a name. Rejects with an error that bears the code of the system or of c-ares. */
export type LookUp = (name: string, family: 0 | 4) => Promise<readonly string[]>;

/**
 * Printable ASCII, as long as a name can be. What else there may be in a host has no one meaning: some resolvers would map it to
 * other characters, others would read it up to a zero byte.
 */
const NAME = /^[!-~]{1,255}$/;

/** Codes that say that the name has no addresses, and will have none in a moment either. */
const NOT_KNOWN = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME', 'EBADNAME']);

/** What else is worth saying, by code. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: ': no name server is there',
  EREFUSED: ': the name server refuses to answer',
  ESERVFAIL: ': the name server has failed',
  ETIMEOUT: ': no name server answers',
};

/**
 * Look-ups that are under way: whoever asks the same question meanwhile gets the same answer. Nothing is kept beyond that, so that
 * every new connection finds out what a name stands for at the moment.
 */
export class SharedLookups {
  readonly #lookUp: LookUp;
  /**
   * By the question. Each open request waits for one at most.
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
    if (literal === 6) return fail('it is an IPv6 address, and only IPv4 is allowed');
    if (!NAME.test(host)) return fail('its name is none that can be looked up');
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
      // Without a code of the system it is a defect, which is not for the requester to see to.
      if (code === undefined) throw error;
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
  const shortage = descriptorShortage();
  if (shortage !== null) return `its name cannot be resolved at present: ${shortage}`;
  if (NOT_KNOWN.has(code)) return 'its name is not known';
  return `its name cannot be resolved at present${CAUSES[code] ?? ''}`;
}
