import { pathOf } from '../codec/http1/index.ts';
import {
  type ControlCounters,
  type Current,
  ERRORS,
  type Log,
  NO_RESPONDER,
  respond,
  type Service,
  textResponse,
} from '../exchange/index.ts';
import { type AccessRules, isCurrent } from './access-rules.ts';
import type { ControlSettings } from './control-settings.ts';
import { documentOperation } from './document-operation.ts';
import { EventStreams } from './event-streams.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { LoginAttempts } from './login-attempts.ts';
import type { Operation } from './operation.ts';
import { OperationExchange, type OperationHost } from './operation-exchange.ts';
import { OperationTable } from './operation-table.ts';
import { isPage } from './page-service.ts';
import { authorized } from './publish-access.ts';
import { sessionOperations } from './session-operations.ts';
import type { Sessions } from './sessions.ts';

/** What the control API is made of. */
export interface ControlApiOptions {
  readonly operations: readonly Operation[];
  /** That of the program. */
  readonly version: string;
  /** Takes the requests for all paths that no operation has: that of the publish endpoint. */
  readonly publish: Service;
  /** Takes the requests for the pages of the dashboard. */
  readonly pages: Service;
  readonly rules: Current<AccessRules>;
  readonly settings: Current<ControlSettings>;
  readonly sessions: Sessions;
  readonly counters: ControlCounters;
  readonly log: Log;
}

/** The control API: the publish endpoint, and the operations. */
export class ControlApi {
  readonly #options: ControlApiOptions;
  readonly #attempts = new LoginAttempts();
  readonly #streams: EventStreams;
  #publishingRefused = false;

  constructor(options: ControlApiOptions) {
    const { rules, counters, log } = options;
    this.#options = options;
    this.#streams = new EventStreams(counters, log, ({ caller }) => isCurrent(caller, rules.current));
  }

  /** Serves listeners. @param isSocket whether they are unix sockets, whose permissions say who may do everything */
  service(isSocket: boolean): Service {
    const { operations, rules, settings, sessions, counters, log, publish, pages } = this.#options;
    const hosts = () => settings.current.hosts;
    const gate = new Gatekeeper({ rules, hosts, sessions, attempts: this.#attempts }, isSocket);
    const own = [...operations, ...sessionOperations(gate)];
    const table = new OperationTable([...own, documentOperation(own, this.#options.version)]);
    const host: OperationHost = { counters, log, gate, streams: this.#streams, hosts };
    const other = authorized(
      (request, requester) => {
        if (!this.#publishingRefused) return publish(request, requester);
        const { status, text } = ERRORS.HF_DRAINING;
        counters.publishesRefused++;
        respond(requester, textResponse(status, text));
        return NO_RESPONDER;
      },
      { gate, counters, log },
    );
    return (request, requester) => {
      const path = pathOf(request.target);
      const place = isPublish(path) ? null : table.find(path);
      if (place === null) return (isPage(path) ? pages : other)(request, requester);
      const exchange = new OperationExchange(host, request, requester, place);
      exchange.begin();
      return exchange;
    };
  }

  /** Lets nobody publish any more. */
  refusePublishing(): void {
    this.#publishingRefused = true;
  }

  /** Ends the streams of events. */
  drain(): void {
    this.#streams.drain();
  }
}

/** Nearly all requests are for this path: they need no table. */
function isPublish(path: string): boolean {
  return path === '/publish/' || path === '/publish';
}
