import { fieldValue } from '../codec/fields/index.ts';
import { clientNames, type HeaderList, type Log, type RequestHead, shownTarget } from '../exchange/index.ts';
import type { Permit } from './guard/permit.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { DetectedSession } from './session-state.ts';

/** A request, its route, and the trust in its sender. */
export interface ProxiedRequest {
  /** `target` is the normalized one, before the route's rewriting. */
  readonly request: RequestHead;
  /** What the client has asked for, where `request` is made from it: the log says this. */
  readonly asked?: RequestHead;
  /** The fields as the client sent them, where those of `request` lack some. */
  readonly sentHeaders?: HeaderList;
  readonly route: ProxiedRoute;
  /** The settings in force when the request came. They apply to it until its end. */
  readonly settings: ProxySettings;
  /** Whether the client is a trusted GRIP proxy in front, whose GRIP fields pass. */
  readonly trusted: boolean;
  /** What the token of the request permits; null where the route asks for none. */
  readonly permit: Permit | null;
  /** The session that it belongs to, as its route looks for one. Absent, or null: none. */
  readonly session?: DetectedSession | null;
}

/** What the log says of the client of a request, where the configuration wants that. */
export function clientFields({ headers, peer }: RequestHead, { logged }: ProxySettings): Record<string, unknown> {
  return {
    ...(logged?.from === true && { from: peer.address }),
    ...(logged?.userAgent === true && { ua: fieldValue(headers, 'user-agent') ?? '' }),
  };
}

/** What the log says of a request. @param target name of the target that has it; empty for none */
export function requestFields(proxied: ProxiedRequest, target: string): Record<string, unknown> {
  const { asked, route, settings } = proxied;
  const request = asked ?? proxied.request;
  return {
    ...clientNames(request),
    method: request.method,
    uri: `${request.scheme}://${request.authority}${shownTarget(route.checks?.guard?.shown(request.target) ?? request.target)}`,
    target,
    ...(route.route.id === '' ? {} : { route: route.route.id }),
    ...clientFields(request, settings),
  };
}

/** Logs how a request has come out, at the level of its route. */
export function logOutcome(log: Log, proxied: ProxiedRequest, target: string, outcome: string | number): void {
  const level = proxied.route.route.logLevel;
  if (level === 'debug' ? log.debugEnabled : level !== 'info' || log.infoEnabled) {
    log[level]({ ...requestFields(proxied, target), outcome: String(outcome) }, 'request');
  }
}

/** GRIP client libraries do not recognize the proxy unless it signs its requests, so the log says once that it does not. */
export function noteUnsigned(
  room: { readonly log: Log; unsignedNoted: boolean },
  proxied: ProxiedRequest,
  target: string,
): void {
  if (room.unsignedNoted) return;
  room.unsignedNoted = true;
  const advice =
    'origin holds clients, but requests to it are not signed: set sig_key so that GRIP client libraries recognize this proxy';
  room.log.info(requestFields(proxied, target), advice);
}
