import type { TestContext } from 'node:test';
import { type DnsServer, startDnsServer } from '../dns-server.ts';
import { type RunningFetcher, startFetch } from './fetcher.ts';
import { GOOD_ADDRESS, GoodOrigin } from './good-origin.ts';
import { LoopbackTrap } from './loopback-trap.ts';
import { type RequestFields, ZhttpRequester } from './zhttp-requester.ts';

export type Scheme = 'http' | 'https' | 'ws' | 'wss';

export const SCHEMES: readonly Scheme[] = ['http', 'https', 'ws', 'wss'];

/** Requests that are under way together: so many that none of what is published for us is dropped. */
const TOGETHER = 100;

/** A fetcher, the one origin that it may reach, and a trap at all other places on the same port. */
export class SsrfRig {
  readonly running: RunningFetcher;
  readonly trap: LoopbackTrap;
  readonly good: GoodOrigin;
  readonly #requester: ZhttpRequester;
  #count = 0;

  constructor(running: RunningFetcher, trap: LoopbackTrap, good: GoodOrigin, requester: ZhttpRequester) {
    this.running = running;
    this.trap = trap;
    this.good = good;
    this.#requester = requester;
  }

  /** The port of the trap and of the good origin. */
  get port(): number {
    return this.trap.port;
  }

  /**
   * What comes of a request, which is over then: a condition, with the status behind `rejected`; or the status, with the body if there is
   * one behind it. TLS errors are ignored: it is not certificates that keep anybody away.
   */
  async outcome(fields: RequestFields): Promise<string> {
    const fetch = { method: 'GET', stream: true, credits: 1_000, ignoreTlsErrors: true };
    const session = await this.#requester.ask(`s${this.#count++}`, { ...fetch, ...fields });
    for (;;) {
      const { type, condition, code, body, more } = await session.nextAny();
      if (type === 'error') return condition === 'rejected' ? `rejected ${code}` : condition;
      if (type !== 'data') continue;
      if (code === 101) {
        await session.send({ type: 'cancel' });
        return '101';
      }
      if (!more) return `${code} ${body}`.trimEnd();
      const rest = await session.response();
      return `${code} ${body}${rest.head.body}${rest.body}`.trimEnd();
    }
  }

  /** The outcomes of many requests, in their order. */
  async outcomes(all: readonly RequestFields[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (let start = 0; start < all.length; start += TOGETHER) {
      const some = all.slice(start, start + TOGETHER);
      outcomes.push(...(await Promise.all(some.map((fields) => this.outcome(fields)))));
    }
    return outcomes;
  }
}

/** Starts `holdfast run` with `[fetch]`, which may reach the good origin and is told by a name server of the test's own where it is. */
export async function startSsrfRig(
  t: TestContext,
  lines: readonly string[] = [],
): Promise<SsrfRig & { readonly dns: DnsServer }> {
  const dns = await startDnsServer(t);
  dns.answer('good.test', 'A', [GOOD_ADDRESS]);
  const own = [`allow = ["${GOOD_ADDRESS}"]`, `dns_servers = ["${dns.address}"]`, ...lines];
  return Object.assign(await ssrfRig(t, await startFetch(t, own)), { dns });
}

/** Puts trap and good origin around a fetcher that runs. */
export async function ssrfRig(t: TestContext, running: RunningFetcher): Promise<SsrfRig> {
  const trap = await LoopbackTrap.start(t);
  const good = await GoodOrigin.start(t, trap.port);
  return new SsrfRig(running, trap, good, await ZhttpRequester.start(t, running.endpoints));
}

/** Text as it stands in a packet: its bytes, one character each. */
export function packetText(text: string): string {
  return Buffer.from(text).toString('latin1');
}
