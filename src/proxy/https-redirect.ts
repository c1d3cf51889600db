import { hostOf } from '../codec/http1/index.ts';
import { NO_RESPONDER, respond, type Service, textResponse } from '../exchange/index.ts';

/** Authorities check here, without TLS, that a host asks for its certificate (RFC 8555 §8.3). */
const ACME_CHALLENGES = '/.well-known/acme-challenge/';

/**
 * Redirects requests to the same URL with https. The method stays what it was (308, RFC 9110 §15.4.9).
 * @param port of the listener with TLS, as clients see it
 * @param proxy takes the requests that are not redirected: ACME challenges
 */
export function httpsRedirect(port: number, proxy: Service): Service {
  const suffix = port === 443 ? '' : `:${port}`;
  return (request, requester) => {
    const { authority, target } = request;
    if (target.startsWith(ACME_CHALLENGES)) return proxy(request, requester);
    const host = hostOf(authority);
    if (host === '') {
      respond(
        requester,
        textResponse(400, 'This server speaks HTTPS, and a request without a host cannot be redirected.'),
      );
      return NO_RESPONDER;
    }
    const location = `https://${host}${suffix}${target === '*' ? '/' : target}`;
    respond(requester, textResponse(308, location, ['Content-Type', 'text/plain', 'Location', location]));
    return NO_RESPONDER;
  };
}
