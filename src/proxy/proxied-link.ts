import { attempt } from '../clock/index.ts';
import { encodeHeaderText, type GripLinks } from '../codec/grip/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { ChannelPosition, GoneLink, LinkClient, LinkFetch, NextLink } from '../hub/index.ts';
import { holdProblem } from './hold-problem.ts';
import { LinkRequest } from './link-request.ts';
import { LinkRoute } from './link-route.ts';
import { movedRequest, proxiedState, type RequestPart } from './moved-request.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import { LinkSharer } from './shared-link.ts';

/** From what another process makes a link again. The URI is absolute. */
export interface LinkPart extends RequestPart {
  readonly uri: string;
  /** Seconds; 0 for a link that is followed once. */
  readonly timeout: number;
}

/** A next link of a client whose request came through the proxy. */
export class ProxiedLink implements NextLink {
  readonly timeout: number;
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #route: LinkRoute;

  /** @param base the link that led to this one, or the URI of the client's request */
  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    { uri, timeout }: NonNullable<GripLinks['next']>,
    base: string,
  ) {
    this.#room = room;
    this.#proxied = proxied;
    this.#route = new LinkRoute(room, proxied, uri, base);
    this.timeout = timeout;
  }

  get target(): string {
    return this.#route.target;
  }

  get state(): LinkPart {
    const { uri } = this.#route;
    return { kind: 'link', proxied: proxiedState(this.#proxied), uri, timeout: this.timeout };
  }

  /** The link that a client had in another process. @throws Error where no route takes its request any more */
  static moved(room: ProxyRoom, { proxied, uri, timeout }: LinkPart): ProxiedLink {
    return new ProxiedLink(room, movedRequest(room, proxied), { uri, timeout }, uri);
  }

  open(positions: readonly ChannelPosition[], client: LinkClient, since: number, alone: boolean): LinkFetch {
    const { prefix } = this.#proxied.route.route;
    const gripLast = positions.map(({ name, id }) => encodeHeaderText(`${name.slice(prefix.length)}; last-id=${id}`));
    const question = { route: this.#route, gripLast, since, alone };
    return new LinkSharer(this.#room, question, client, ({ hold, links }) => {
      const { next } = links;
      const problem = holdProblem(this.#proxied.permit, prefix, hold?.channels ?? []);
      if (problem !== null) {
        client.onLinkFailed(problem.detail);
        return;
      }
      client.onLinkDone({
        hold,
        next: next === null ? null : new ProxiedLink(this.#room, this.#proxied, next, this.#route.uri),
      });
    });
  }
}

/**
 * Requests of gone links that are under way. Further ones are not made: nobody waits for them.
 * @bound gone-requests
 */
export const MAX_GONE_REQUESTS = 256;

/** Tells the origin that a client is no longer held. Best effort: there are no retries, and the response is ignored (GRIP §5.4). */
export class ProxiedGone implements GoneLink, LinkClient {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #route: LinkRoute;
  #request: LinkRequest | null = null;

  constructor(room: ProxyRoom, proxied: ProxiedRequest, uri: string, base: string) {
    this.#room = room;
    this.#proxied = proxied;
    this.#route = new LinkRoute(room, proxied, uri, base);
  }

  get state(): LinkPart {
    return { kind: 'gone', proxied: proxiedState(this.#proxied), uri: this.#route.uri, timeout: 0 };
  }

  /** The link that a client had in another process. @throws Error where no route takes its request any more */
  static moved(room: ProxyRoom, { proxied, uri }: LinkPart): ProxiedGone {
    return new ProxiedGone(room, movedRequest(room, proxied), uri, uri);
  }

  send(): void {
    const { counters, goneRequests, droppedGoneLinks, log } = this.#room;
    if (this.#request !== null) return;
    if (goneRequests.size >= MAX_GONE_REQUESTS) {
      counters.goneLinksDropped++;
      const fields = { uri: this.#route.uri, dropped: counters.goneLinksDropped };
      droppedGoneLinks.write(log, 'warn', fields, 'too many gone links under way: link dropped');
      return;
    }
    this.#request = new LinkRequest(this.#room, this.#route, 'POST', [], this, () => this.#done());
    goneRequests.add(this);
    attempt(this.#request, (request) => request.start());
  }

  onLinkData(): void {
    this.#request?.abort();
    this.#done();
  }

  onLinkDone(): void {
    this.#done();
  }

  /** Its request is never shared. */
  onLinkUnshared(): void {}

  onLinkFailed(detail: string): void {
    this.#room.log.debug({ uri: this.#route.uri, detail }, 'gone link failed');
    this.#done();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown, { uri: this.#route.uri });
    this.#done();
  }

  #done(): void {
    this.#room.goneRequests.delete(this);
  }
}
