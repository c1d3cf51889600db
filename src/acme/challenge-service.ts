import { NO_RESPONDER, respond, type Service } from '../exchange/index.ts';
import type { AcmeStore } from './acme-store.ts';

/** Where an authority asks for a proof (RFC 8555 §8.3). */
const PATH = '/.well-known/acme-challenge/';

const HEADERS = ['Content-Type', 'application/octet-stream', 'Cache-Control', 'no-store'];

/** Answers the authority's requests for tokens that are open, and leaves all others to `service`. */
export function challengeService(store: AcmeStore, service: Service): Service {
  return (request, requester) => {
    if (!request.target.startsWith(PATH)) return service(request, requester);
    const answer = store.answerTo(request.target.slice(PATH.length));
    if (answer === null) return service(request, requester);
    const body = Buffer.from(answer);
    const head = { status: 200, reason: '', headers: [...HEADERS], bodyLength: body.length };
    respond(requester, { head, body });
    return NO_RESPONDER;
  };
}
