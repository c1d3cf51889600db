import { hostOf, pathOf } from '../codec/http1/index.ts';
import type { ExchangeError, RequestHead } from '../exchange/index.ts';
import { accessLine, type LoggedRequest, logTime, type SiteAccessLog } from './access-log.ts';
import { fixedResponse } from './fixed-response.ts';

/** A request as the access log tells of it. */
export function loggedRequest(request: RequestHead): LoggedRequest {
  const { authority, peer, method, target, version, record = null } = request;
  const givenAt = record === null ? 0 : performance.now();
  const time = logTime();
  const noted = { record, givenAt };
  return { host: hostOf(authority), peer, time, method, path: pathOf(target), version: `HTTP/${version}`, ...noted };
}

/** Writes the line of a request that fails before its response has begun. */
export function logFailure(log: SiteAccessLog, request: RequestHead, error: ExchangeError): void {
  if (log.silent) return;
  const { head, body } = fixedResponse(error);
  log.write(accessLine(loggedRequest(request), head.status, body.length));
}
