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
import { EventStreams } from './event-streams.ts';
import { Gatekeeper } from './gatekeeper.ts';
import type { Operation } from './operation.ts';
import { OperationExchange, type OperationHost } from './operation-exchange.ts';
import { OperationTable } from './operation-table.ts';
import { authorized } from './publish-access.ts';
import type { ControlSettings } from './publish-service.ts';

/** What the control API is made of. */
export interface ControlApiOptions {
  readonly operations: readonly Operation[];
  /** Takes the requests for all paths that no operation has: that of the publish endpoint. */
  readonly publish: Service;
  readonly rules: Current<AccessRules>;
  readonly settings: Current<ControlSettings>;
  readonly counters: ControlCounters;
  readonly log: Log;
}

/** The control API: the publish endpoint, and the operations. */
export class ControlApi {
  readonly #options: ControlApiOptions;
  readonly #table: OperationTable;
  readonly #streams: EventStreams;
  #publishingRefused = false;

  constructor(options: ControlApiOptions) {
    const { operations, rules, counters, log } = options;
    this.#options = options;
    this.#table = new OperationTable(operations);
    this.#streams = new EventStreams(counters, log, ({ caller }) => isCurrent(caller, rules.current));
  }

  /** Serves listeners. @param isSocket whether they are unix sockets, whose permissions say who may do everything */
  service(isSocket: boolean): Service {
    const { rules, settings, counters, log, publish } = this.#options;
    const gate = new Gatekeeper(rules, isSocket);
    const host: OperationHost = { counters, log, gate, streams: this.#streams, hosts: () => settings.current.hosts };
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
      const place = isPublish(path) ? null : this.#table.find(path);
      if (place === null) return other(request, requester);
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
