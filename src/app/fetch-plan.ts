import type { Config } from '../config/index.ts';

/** Endpoints for outbound requests, and everything that holds for requests that come by them: section `[fetch]`, and some more. */
export interface FetchPlan extends Readonly<Config['fetch']> {
  /** Condition of the error when a request took too long; absent: Zurl's. */
  readonly timeoutCondition?: string;
  /** WebSocket frames of an origin may be of any size, as their parts are passed on as they come. */
  readonly anyFrameSize?: boolean;
  /** A WebSocket gets no packet before the origin's response, as from Zurl. */
  readonly quietWebSockets?: boolean;
  /** Text messages of WebSockets have the content-type `text`, as Condure's. */
  readonly namesText?: boolean;
}

/** The plans of the configuration: one, or none where `[fetch]` has no endpoints. */
export function fetchPlans({ fetch }: Config): FetchPlan[] {
  return fetch.stream.length > 0 || fetch.req.length > 0 ? [fetch] : [];
}
