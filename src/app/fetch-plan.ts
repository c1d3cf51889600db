import type { Config } from '../config/index.ts';

/** Endpoints for those who ask for outbound requests, and all that holds for what comes by them: section `[fetch]`, and some more. */
export interface FetchPlan extends Readonly<Config['fetch']> {
  /** What an error says when a request took too long; absent: what Zurl says. */
  readonly timeoutCondition?: string;
  /** WebSocket frames of an origin may be of any size, as their parts are passed on as they come. */
  readonly anyFrameSize?: boolean;
}

/** What the configuration asks for: one plan, or none where `[fetch]` has no endpoints. */
export function fetchPlans({ fetch }: Config): FetchPlan[] {
  return fetch.stream.length > 0 || fetch.req.length > 0 ? [fetch] : [];
}
