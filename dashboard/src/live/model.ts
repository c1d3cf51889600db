import { request, send } from '../api/request.ts';
import type { Session, Status } from '../api/types.ts';
import { History } from './history.ts';
import { Sampler } from './sampler.ts';
import { serverTime } from './server-time.ts';
import { StatusFeed } from './status-feed.ts';
import { Store } from './store.ts';

/** Samples that are kept: a quarter of an hour. */
const SAMPLES = 900;

/** Milliseconds until the server is asked again who is looking. */
const RETRY = 2_000;

/** Why somebody has to log in: has not yet, their session has ended, or their roles do not include `read`. */
export type SignInReason = 'needed' | 'ended' | 'forbidden';

/** Who looks at the page. */
export type Access =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'signed-out'; readonly reason: SignInReason; readonly accepts: Session['accepts'] }
  | { readonly kind: 'admitted'; readonly session: Session };

/** What the whole page knows: its session, the state of the server and how that has been. */
export class Model {
  readonly access = new Store<Access>({ kind: 'unknown' });
  readonly status = new Store<Status | null>(null);
  readonly feed: StatusFeed;
  readonly history = new History(SAMPLES);
  /** Version of the server that the page came from: another one has another page. */
  readonly pageVersion = new Store<string | null>(null);
  readonly #sampler = new Sampler();

  constructor() {
    this.feed = new StatusFeed((status) => this.#take(status));
    this.feed.link.subscribe(() => {
      // The session may be another one, or none, by now.
      if (this.feed.link.value.kind === 'denied') this.start();
    });
  }

  /** Finds out who is looking, and follows the server if they may. */
  async start(): Promise<void> {
    const before = this.access.value;
    try {
      const session = await request<Session>('/session');
      if (session.roles.includes('read') || session.role === 'admin') this.#admit(session);
      else if (session.role !== null) this.#leave('forbidden', session);
      else this.#leave(before.kind === 'admitted' ? 'ended' : 'needed', session);
    } catch {
      // A server that goes away meanwhile is waited for.
      setTimeout(() => this.start(), RETRY);
    }
  }

  /**
   * Opens a session.
   * @throws Failure when the credentials are not valid
   */
  async signIn(credentials: { token: string } | { name: string; password: string }): Promise<void> {
    await send('POST', '/session', credentials);
    await this.start();
  }

  async signOut(): Promise<void> {
    this.feed.stop();
    await send('DELETE', '/session').catch(() => {});
    this.access.value = { kind: 'unknown' };
    await this.start();
  }

  #admit(session: Session): void {
    this.access.value = { kind: 'admitted', session };
    this.feed.connect();
  }

  #leave(reason: SignInReason, { accepts }: Session): void {
    this.feed.stop();
    this.status.value = null;
    this.access.value = { kind: 'signed-out', reason, accepts };
  }

  #take(status: Status): void {
    this.pageVersion.value ??= status.version;
    this.history.push(serverTime(status) / 1000, this.#sampler.sample(status));
    this.status.value = status;
  }
}
