import { type ExchangeRecord, NO_OWN_FIELDS, type PartState, type RequestHead } from '../exchange/index.ts';
import { findRoute } from './find-route.ts';
import { Permit, type PermitState } from './guard/permit.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';

/** From what another process makes a `ProxiedRequest` again, with its own settings. */
export interface ProxiedState {
  readonly request: RequestHead;
  readonly asked: RequestHead | null;
  readonly trusted: boolean;
  readonly permit: PermitState | null;
}

/** The state of a part that belongs to a request. */
export interface RequestPart extends PartState {
  readonly proxied: ProxiedState;
}

export function proxiedState({ request, asked, trusted, permit }: ProxiedRequest): ProxiedState {
  return {
    request: headOf(request),
    asked: asked === undefined ? null : headOf(asked),
    trusted,
    permit: permit?.state ?? null,
  };
}

/** The head alone: what stands for a request may be more than that. */
export function headOf(request: RequestHead): RequestHead {
  const { id, method, target, scheme, authority, version, headers, bodyLength, peer, credits } = request;
  const { ownFields = NO_OWN_FIELDS, requestId = '' } = request;
  return { id, method, target, scheme, authority, version, headers, bodyLength, peer, credits, ownFields, requestId };
}

/**
 * The request by the settings in force here.
 * @throws Error where no route takes it any more
 */
export function movedRequest(
  { settings }: ProxyRoom,
  { request, asked, trusted, permit }: ProxiedState,
  record: ExchangeRecord | null = null,
): ProxiedRequest {
  const { current } = settings;
  const route = findRoute(request, current);
  if (route === null) throw new Error(`no route takes ${request.authority}${request.target} any more`);
  return {
    request: record === null ? request : { ...request, record },
    ...(asked !== null && { asked }),
    route,
    settings: current,
    trusted,
    permit: permit === null ? null : Permit.moved(permit),
  };
}
