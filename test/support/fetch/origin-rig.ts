import type { TestContext } from 'node:test';
import { type RawOrigin, startRawOrigin } from '../raw-origin.ts';
import type { RawPeer } from '../raw-peer.ts';
import {
  descriptorsBack,
  descriptorsOf,
  type FetchCounters,
  type RunningFetcher,
  startFetch,
  stopFetcher,
} from './fetcher.ts';
import { ReqRequester, type RequesterSession, type RequestFields, ZhttpRequester } from './zhttp-requester.ts';

/** The ways to be answered: by a message of req mode, by one message of stream mode, or piece by piece. */
export const MODES = ['req', 'single', 'stream'] as const;

export type Mode = (typeof MODES)[number];

/** More than any answer in these tests has. */
const CREDITS = 1_000_000;

/** A fetcher, somebody who asks it in each mode, and origins whose every byte is the test's. */
export class OriginRig {
  readonly running: RunningFetcher;
  readonly requester: ZhttpRequester;
  readonly reqRequester: ReqRequester;
  readonly #t: TestContext;
  readonly #before: readonly string[];
  #count = 0;

  constructor(t: TestContext, running: RunningFetcher, requester: ZhttpRequester, reqRequester: ReqRequester) {
    this.#t = t;
    this.running = running;
    this.requester = requester;
    this.reqRequester = reqRequester;
    this.#before = descriptorsOf(running.program);
  }

  /** An origin that answers every request with these bytes, and then closes the connection in order unless it is `kept`. */
  async origin(bytes: string | Buffer, kept = false): Promise<string> {
    return this.scripted(async (peer) => {
      for (;;) {
        await peer.take();
        peer.write(bytes);
        if (!kept) peer.end();
      }
    });
  }

  /** An origin that does this with each connection, and closes it when the other side has. Returns its authority. */
  async scripted(act: (peer: RawPeer) => Promise<void> | void): Promise<string> {
    const origin = await startRawOrigin(this.#t);
    origin.onPeer = (peer) => {
      void peer.ended.then(() => peer.end());
      // A connection that ends is no failure of the test.
      void Promise.resolve(act(peer)).catch(() => {});
    };
    return authorityOf(origin);
  }

  /** Begins a request in stream mode. */
  ask(fields: RequestFields): Promise<RequesterSession> {
    return this.requester.ask(`s${this.#count++}`, { method: 'GET', stream: true, credits: CREDITS, ...fields });
  }

  /** What comes of a request: the condition, or status and body. */
  async outcome(mode: Mode, fields: RequestFields): Promise<string> {
    const all = { method: 'GET', ...fields };
    if (mode === 'req') {
      const { type, condition, code, body } = await this.reqRequester.ask(`r${this.#count++}`, all);
      return type === 'error' ? condition : `${code} ${body}`;
    }
    const session = await this.ask({ ...all, ...(mode === 'single' && { stream: false, credits: 0 }) });
    return ending(session);
  }

  /** The program still does what it is for, and nothing is left of what was. */
  async stop(): Promise<FetchCounters> {
    const uri = `http://${await this.origin('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')}/`;
    for (const mode of MODES) {
      const outcome = await this.outcome(mode, { uri });
      if (outcome !== '200 fine') throw new Error(`after all of this ${mode} comes to ${outcome}`);
    }
    await descriptorsBack(this.running.program, this.#before);
    return stopFetcher(this.running);
  }
}

/** What comes of a session: the condition that it ends with, with the status if it was `rejected`; or status and body. */
export async function ending(session: RequesterSession): Promise<string> {
  let status = 0;
  const chunks: Buffer[] = [];
  for (;;) {
    const { type, condition, code, body, more } = await session.nextAny();
    if (type === 'error') return condition === 'rejected' ? `rejected ${code} ${body}` : condition;
    if (type === 'cancel') return 'cancel';
    if (type !== 'data') continue;
    if (code !== 0) status = code;
    chunks.push(body);
    if (!more) return `${status} ${Buffer.concat(chunks)}`;
  }
}

/** Starts `holdfast run` with `[fetch]`, which may reach this machine and keeps no connections. */
export async function startOriginRig(t: TestContext, lines: readonly string[] = []): Promise<OriginRig> {
  const running = await startFetch(t, ['allow_internal = true', 'pool_max_idle = 0', ...lines]);
  const requester = await ZhttpRequester.start(t, running.endpoints);
  const reqRequester = ReqRequester.start(t, running.endpoints.req);
  // Its connection stands when it has been answered.
  await reqRequester.ask('probe', { method: 'GET', uri: 'nonsense://a/' });
  return new OriginRig(t, running, requester, reqRequester);
}

function authorityOf({ route }: RawOrigin): string {
  return route.replace('* ', '');
}
