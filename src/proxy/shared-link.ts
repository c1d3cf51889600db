import { type AtTurnEnd, attempt, fault } from '../clock/index.ts';
import type { Instruct } from '../codec/grip/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { LinkClient, LinkFetch } from '../hub/index.ts';
import { MAX_INSTRUCT_BODY } from './grip-response.ts';
import type { JoinableLink, LinkShare } from './joinable-link.ts';
import { LinkRequest, type OnInstruct } from './link-request.ts';
import type { LinkRoute } from './link-route.ts';
import type { ProxyRoom } from './proxy-room.ts';

/** Clients that get a shared response in one turn of the event loop. */
export const SLICE = 64;

const EMPTY = Buffer.alloc(0);

/** What a client asks of a next link. */
export interface LinkQuestion {
  readonly route: LinkRoute;
  readonly gripLast: readonly string[];
  /** How much the hub had delivered when the client came to need the link. */
  readonly since: number;
  /** The client's request is not to be shared. */
  readonly alone: boolean;
}

/**
 * One client of a request that may be shared by those with the same URI and positions. All that such a request tells is the same for clients
 * of one route: it has no credentials, nor any other field of a client, so whatever `Vary` names is equal too.
 */
export class LinkSharer implements LinkFetch, LinkShare {
  readonly client: LinkClient;
  readonly onInstruct: OnInstruct;
  readonly #room: ProxyRoom;
  readonly #question: LinkQuestion;
  #shared: JoinableLink | null = null;

  /** @param onInstruct called at the end of the response */
  constructor(room: ProxyRoom, question: LinkQuestion, client: LinkClient, onInstruct: OnInstruct) {
    this.#room = room;
    this.#question = question;
    this.client = client;
    this.onInstruct = onInstruct;
  }

  start(): boolean {
    const { route, gripLast, since, alone } = this.#question;
    const found = alone ? undefined : this.#room.sharedLinks.get(keyOf(route, gripLast));
    // One that was sent before what the client has missed does not tell of it.
    if (found !== undefined && since <= found.since && found.via === route.via) {
      this.#shared = found;
      found.join(this);
      return true;
    }
    const shared = new SharedLink(this.#room, this.#question, this);
    this.#shared = shared;
    shared.start();
    return false;
  }

  taken(): void {
    this.#shared?.taken();
  }

  abort(): void {
    this.#shared?.leave(this);
    this.#shared = null;
  }
}

/**
 * A request of a next link, and the clients that get its response. While there is one it gets the bytes as they come. Those that join before
 * the first byte make it a shared one: then the response is collected, and given to all when it is whole, so that a slow client holds
 * nobody back. A response that is too large for that goes to the first client alone, and the others ask for themselves.
 */
class SharedLink implements JoinableLink, LinkClient, AtTurnEnd {
  readonly via: object;
  readonly since: number;
  readonly #room: ProxyRoom;
  readonly #key: string;
  readonly #uri: string;
  readonly #sharers = new Set<LinkShare>();
  readonly #request: LinkRequest;
  /** Whether others may join. */
  #open: boolean;
  /** Whether the only client gets the bytes as they come. */
  #streaming = false;
  #collected: Buffer[] = [];
  #bytes = 0;
  /** What the clients get, once it is known. */
  #outcome: ((sharer: LinkShare) => void) | null = null;

  constructor(room: ProxyRoom, { route, gripLast, since, alone }: LinkQuestion, first: LinkShare) {
    this.#room = room;
    this.#key = keyOf(route, gripLast);
    this.#uri = route.uri;
    this.via = route.via;
    this.since = since;
    this.#open = !alone;
    this.#sharers.add(first);
    this.#request = new LinkRequest(room, route, 'GET', gripLast, this, (instruct) => this.#onInstruct(instruct));
  }

  start(): void {
    if (this.#open) this.#room.sharedLinks.set(this.#key, this);
    this.#request.start();
  }

  join(sharer: LinkShare): void {
    this.#sharers.add(sharer);
    this.#room.counters.linksShared++;
  }

  /** The only client has taken what it got. */
  taken(): void {
    if (this.#streaming) this.#request.taken();
  }

  /** A client has left. The others stay, whoever was first. */
  leave(sharer: LinkShare): void {
    if (!this.#sharers.delete(sharer) || this.#sharers.size > 0) return;
    this.#close();
    this.#release();
    this.#request.abort();
  }

  onLinkData(chunk: Buffer): void {
    const { gripBytes } = this.#room;
    if (!this.#streaming && this.#sharers.size === 1 && this.#bytes === 0) this.#stream();
    if (this.#streaming) {
      for (const { client } of this.#sharers) client.onLinkData(chunk);
      return;
    }
    if (this.#bytes + chunk.length > MAX_INSTRUCT_BODY || gripBytes.full) {
      this.#split(chunk);
      return;
    }
    this.#collected.push(chunk);
    this.#bytes += chunk.length;
    gripBytes.used += chunk.length;
    this.#request.taken();
  }

  /** Never called: the instructions go to `onInstruct` of each client. */
  onLinkDone(): void {}

  onLinkFailed(detail: string): void {
    this.#finish((sharer) => attempt(sharer.client, (client) => client.onLinkFailed(detail)));
  }

  /** Never called: this is what shares. */
  onLinkUnshared(): void {}

  /** The next clients get the outcome. */
  onTurnEnd(): void {
    const outcome = this.#outcome as (sharer: LinkShare) => void;
    let left = SLICE;
    for (const sharer of this.#sharers) {
      if (left-- === 0) {
        this.#room.turns.add(this);
        return;
      }
      this.#sharers.delete(sharer);
      outcome(sharer);
    }
    this.#release();
  }

  onFault(thrown: unknown): void {
    const [only] = this.#sharers;
    if (this.#sharers.size === 1 && only !== undefined) {
      fault(only.client, thrown);
      return;
    }
    reportFault(this.#room, thrown, { uri: this.#uri });
    this.onLinkFailed('internal error');
  }

  #onInstruct(instruct: Instruct): void {
    const body = this.#collected.length === 0 ? EMPTY : Buffer.concat(this.#collected);
    this.#finish((sharer) => attempt(sharer.client, give, body, sharer.onInstruct, instruct));
  }

  #finish(outcome: (sharer: LinkShare) => void): void {
    this.#close();
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.onTurnEnd();
  }

  /** From now on the only client gets the bytes as they come. */
  #stream(): void {
    this.#close();
    this.#streaming = true;
  }

  /** The response is too large to be kept for all. */
  #split(chunk: Buffer): void {
    this.#stream();
    const [first, ...others] = this.#sharers;
    for (const sharer of others) this.#sharers.delete(sharer);
    const collected = this.#collected;
    this.#release();
    for (const piece of [...collected, chunk]) first?.client.onLinkData(piece);
    for (const { client } of others) attempt(client, (other) => other.onLinkUnshared());
  }

  /** Nobody joins any more. */
  #close(): void {
    this.#open = false;
    const { sharedLinks } = this.#room;
    if (sharedLinks.get(this.#key) === this) sharedLinks.delete(this.#key);
  }

  #release(): void {
    this.#room.gripBytes.used -= this.#bytes;
    this.#bytes = 0;
    this.#collected = [];
  }
}

function give(client: LinkClient, body: Buffer, onInstruct: OnInstruct, instruct: Instruct): void {
  if (body.length > 0) client.onLinkData(body);
  onInstruct(instruct);
}

function keyOf({ uri }: LinkRoute, gripLast: readonly string[]): string {
  return gripLast.length < 2 ? `${uri} ${gripLast[0] ?? ''}` : [uri, ...[...gripLast].sort()].join(' ');
}
