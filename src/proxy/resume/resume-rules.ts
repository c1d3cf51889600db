import { createHash } from 'node:crypto';
import { fieldValues } from '../../codec/fields/index.ts';
import { lastEventId, withoutLastEventId } from '../../codec/http1/index.ts';
import type { ResumeTable } from '../../config/index.ts';
import type { HeaderList, RequestHead } from '../../exchange/index.ts';
import { type EventId, parseEventId, type StreamOwner } from '../../resume/index.ts';
import type { Permit } from '../guard/permit.ts';

/** What a request says of its sender. */
interface Sent {
  readonly request: RequestHead;
  /** As in `ProxiedRequest`. */
  readonly sentHeaders?: HeaderList;
  readonly permit: Permit | null;
}

/** Which streams of a route can be resumed, and by whom. */
export class ResumeRules {
  readonly ttl: number;
  readonly maxBytes: number;
  readonly shared: boolean;
  /** Who decides about other credentials; null for nobody. */
  readonly reauthorize: URL | null;
  /** Lower-case names of the fields that have to be the same. */
  readonly #bind: readonly string[];

  constructor({ ttl, maxBytes, shared, reauthorize, bind }: ResumeTable) {
    this.ttl = ttl;
    this.maxBytes = maxBytes;
    this.shared = shared;
    this.reauthorize = reauthorize === '' ? null : new URL(reauthorize);
    this.#bind = bind.map((name) => name.toLowerCase());
  }

  /** Who sends a request, without the credentials themselves. */
  ownerOf(proxied: Sent): StreamOwner {
    const { method, authority, target } = proxied.request;
    const url = digest(authority.toLowerCase() + withoutLastEventId(target));
    const rights = this.shared ? '' : digest(this.#credentialsOf(proxied));
    return { method, url, rights };
  }

  /** The fields of a request by which its sender is known. */
  boundFields(proxied: Sent): string[] {
    const headers = sentFields(proxied);
    return this.#bind.flatMap((name) => fieldValues(headers, name).flatMap((value) => [name, value]));
  }

  /** All that has to be the same. The holder of the token counts too, which may be in the query or a cookie. */
  #credentialsOf(proxied: Sent): string {
    return JSON.stringify([this.boundFields(proxied), proxied.permit?.holder ?? null]);
  }
}

/** The event that a client has last, if a stream of this server may have it: by `Last-Event-ID`, else by `last_event_id` in the query. */
export function lastEventOf({ method, headers, target }: RequestHead): EventId | null {
  if (method === 'HEAD' || method === 'OPTIONS') return null;
  const id = lastEventId(headers, target);
  return id === null ? null : parseEventId(id);
}

/** The fields as the client sent them: of some the origin does not get to know. */
function sentFields({ request, sentHeaders }: Sent): readonly string[] {
  return sentHeaders ?? request.headers;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
