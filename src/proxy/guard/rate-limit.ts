import type { TokenClaims } from '../../codec/grip/index.ts';
import type { LimitRules } from '../../config/index.ts';
import { networkOf } from '../../net/index.ts';
import type { RateTable } from './rate-table.ts';
import { claimOf, claimText } from './token-guard.ts';

const CLAIM = 'claim:';

/** How many requests each client of one route may send. */
export class RateLimit {
  readonly #table: RateTable;
  readonly #route: string;
  readonly #rate: number;
  readonly #burst: number;
  /** The claim that tells clients apart; null where their addresses do. */
  readonly #claim: string | null;

  /** @param route its name, which keeps its clients apart from those of others */
  constructor({ rate, burst, by }: LimitRules, route: string, table: RateTable) {
    this.#table = table;
    this.#route = route;
    this.#rate = rate;
    this.#burst = burst === 0 ? Math.max(1, rate) : burst;
    this.#claim = by.startsWith(CLAIM) ? by.slice(CLAIM.length) : null;
  }

  /** Whether the claims of the token have to be known. */
  get needsClaims(): boolean {
    return this.#claim !== null;
  }

  /** Takes a request without a valid token, apart from those with one. @returns as `take` */
  takeRefused(address: string): number {
    // Neither an address nor the key of a claim begins with a tab.
    const key = `${this.#route} \t${networkOf(address)}`;
    return this.#table.take(key, this.#rate, this.#burst, performance.now());
  }

  /**
   * Takes one request of a client.
   * @param claims null where there is no token
   * @returns 0, or the seconds after which the client may try again
   */
  take(address: string, claims: TokenClaims | null): number {
    const claim = claims === null || this.#claim === null ? null : claimText(claimOf(claims, this.#claim));
    // No address begins with a space.
    const client = claim === null ? networkOf(address) : ` ${claim}`;
    return this.#table.take(`${this.#route} ${client}`, this.#rate, this.#burst, performance.now());
  }
}
