import { pathOf } from '../codec/http1/index.ts';
import {
  type ControlCounters,
  type Current,
  type Log,
  type RequestHead,
  type Service,
  TokenBucket,
} from '../exchange/index.ts';
import { NO_PUBLISHER, type Publisher } from './control-publisher.ts';
import type { ControlSettings } from './control-settings.ts';
import { type PublishEndpoint, PublishExchange } from './publish-exchange.ts';
import { refusedSource } from './refused-source.ts';

/** What the publish endpoint needs besides the publisher. */
export interface PublishServiceOptions {
  readonly counters: ControlCounters;
  readonly log: Log;
  readonly settings: Current<ControlSettings>;
  /** Responds to requests for `/metrics`; without it there is nothing at that path. */
  readonly metrics?: Service;
}

/**
 * The HTTP publish endpoint: `POST /publish` with `{"items": […]}`, `POST /channels/NAME/message` with what clients are to get, `POST /recover`, and `GET /` for probes. Statuses and texts
 * are those that publishers of GRIP know; chunked bodies and persistent connections are taken too. Refused publishes are counted
 * and logged.
 * @param publisher null where there is no hub: nothing can be published
 */
export function publishService(publisher: Publisher | null, options: PublishServiceOptions): Service {
  const endpoint: PublishEndpoint = {
    publisher: publisher ?? NO_PUBLISHER,
    publishes: publisher !== null,
    ...options,
    rate: new TokenBucket(),
    unreachedNoted: false,
  };
  return (request, requester) => {
    if (options.metrics !== undefined && wantsMetrics(request, options.settings.current)) {
      return options.metrics(request, requester);
    }
    const exchange = new PublishExchange(endpoint, request, requester);
    exchange.begin();
    return exchange;
  };
}

/** Whether a request is for the metrics, and may have them. */
function wantsMetrics(request: RequestHead, { hosts, origins }: ControlSettings): boolean {
  const { method, target } = request;
  if (method !== 'GET' && method !== 'HEAD') return false;
  return pathOf(target) === '/metrics' && refusedSource(request, hosts, origins) === null;
}
