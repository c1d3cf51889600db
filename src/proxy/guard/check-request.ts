import { fault } from '../../clock/index.ts';
import { TokenError } from '../../codec/grip/index.ts';
import {
  ExchangeError,
  errorResponse,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  respond,
} from '../../exchange/index.ts';
import { type ProxiedRequest, requestFields } from '../proxied-request.ts';
import type { ProxyRoom } from '../proxy-room.ts';
import type { GuardedExchange, GuardRoom } from './guarded-exchange.ts';
import { NO_HOLD } from './permit.ts';
import type { RouteChecks } from './route-checks.ts';

/** How the requests of one kind go on. */
export interface CheckedKind<Q extends Requester, R extends Responder> {
  readonly forward: (room: ProxyRoom, proxied: ProxiedRequest, requester: Q) => R;
  readonly guarded: new (room: GuardRoom, requester: Q) => GuardedExchange & R;
  /** What becomes of the head of a response that refuses one. Absent: nothing. */
  readonly refusal?: Refusal;
}

type Refusal = (request: RequestHead, head: ResponseHead) => ResponseHead;

/** Lets a request go on if its route permits it, else responds. */
export function checkRequest<Q extends Requester, R extends Responder>(
  room: ProxyRoom,
  proxied: ProxiedRequest,
  requester: Q,
  { guard, limit }: RouteChecks,
  kind: CheckedKind<Q, R>,
): R | typeof NO_RESPONDER {
  const { request } = proxied;
  const byClaim = limit !== null && guard !== null && limit.needsClaims;
  if (limit !== null && !byClaim) {
    const seconds = limit.take(request.peer.address, null);
    if (seconds > 0) {
      respond(requester, limited(room, proxied, seconds, kind.refusal));
      return NO_RESPONDER;
    }
  }
  if (guard === null) return kind.forward(room, proxied, requester);
  const cleaned = { ...proxied, request: guard.cleaned(request), sentHeaders: request.headers };
  if (guard.passes(request)) return kind.forward(room, { ...cleaned, permit: NO_HOLD }, requester);
  const token = guard.tokenOf(request);
  // A claim counts no request without a valid token: such requests count by address. Others from there are not refused for them.
  const refusal = (error: ExchangeError) => {
    const wait = byClaim ? limit.takeRefused(request.peer.address) : 0;
    return wait > 0 ? limited(room, proxied, wait, kind.refusal) : refused(room, proxied, error, kind.refusal);
  };
  if (token === null) {
    respond(requester, refusal(new ExchangeError('HF_TOKEN_MISSING')));
    return NO_RESPONDER;
  }
  const relay = new kind.guarded(room, requester);
  guard.verify(token).then(
    ({ permit, claims }) => {
      try {
        if (relay.ended) return;
        const seconds = byClaim ? limit.take(request.peer.address, claims) : 0;
        if (seconds > 0) relay.refuse(limited(room, proxied, seconds, kind.refusal));
        else relay.admit(permit, (own) => kind.forward(room, { ...cleaned, permit }, own as Q));
      } catch (thrown) {
        fault(relay, thrown);
      }
    },
    (thrown: unknown) => {
      try {
        if (!(thrown instanceof TokenError)) throw thrown;
        if (relay.ended) return;
        const error = tokenRefusal(thrown);
        relay.refuse(thrown.problem === 'no-keys' ? refused(room, proxied, error, kind.refusal) : refusal(error));
      } catch (second) {
        fault(relay, second);
      }
    },
  );
  return relay;
}

function tokenRefusal({ problem, message }: TokenError): ExchangeError {
  if (problem === 'no-keys') return new ExchangeError('HF_TOKEN_KEYS', message);
  return new ExchangeError(problem === 'expired' ? 'HF_TOKEN_EXPIRED' : 'HF_TOKEN_INVALID', message);
}

function refused(room: ProxyRoom, proxied: ProxiedRequest, error: ExchangeError, shape: Refusal | undefined) {
  room.counters.tokensRefused++;
  proxied.route.stats.refused++;
  return refusal(room, proxied, error, shape);
}

function limited(room: ProxyRoom, proxied: ProxiedRequest, seconds: number, shape: Refusal | undefined) {
  room.counters.requestsLimited++;
  proxied.route.stats.limited++;
  const response = refusal(
    room,
    proxied,
    new ExchangeError('HF_RATE_LIMIT', `the next request may come in ${seconds} s`),
    shape,
  );
  const { head, body } = response;
  return { head: { ...head, headers: [...head.headers, 'Retry-After', String(seconds)] }, body };
}

function refusal({ log }: ProxyRoom, proxied: ProxiedRequest, error: ExchangeError, shape: Refusal | undefined) {
  const { code, detail, face } = error;
  log[face.level](
    { ...requestFields(proxied, ''), peer: proxied.request.peer.address, code, detail },
    'request refused',
  );
  const response = errorResponse(error, proxied.route.debug);
  return shape === undefined ? response : { ...response, head: shape(proxied.request, response.head) };
}
