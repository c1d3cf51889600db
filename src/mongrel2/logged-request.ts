import { hostOf, pathOf } from '../codec/http1/index.ts';
import type { ExchangeError, RequestHead } from '../exchange/index.ts';
import { type AccessLog, accessLine, type LoggedRequest, logTime } from './access-log.ts';
import { fixedResponse } from './fixed-response.ts';

/** A request as the access log tells of it. */
export function loggedRequest({ authority, peer, method, target, version }: RequestHead): LoggedRequest {
  const time = logTime();
  return { host: hostOf(authority), peer, time, method, path: pathOf(target), version: `HTTP/${version}` };
}

/** Writes the line of a request that fails before its response has begun. */
export function logFailure(log: AccessLog | null, request: RequestHead, error: ExchangeError): void {
  if (log === null) return;
  const { head, body } = fixedResponse(error);
  log.write(accessLine(loggedRequest(request), head.status, body.length));
}
