import { type FetchPlan, fetchPlans } from '../app/index.ts';
import type { Config } from '../config/index.ts';

/** The plans of the configuration of a zurl.conf, with what Zurl does differently. */
export function zurlPlans(config: Config): FetchPlan[] {
  return fetchPlans(config).map((plan) => ({ ...plan, quietWebSockets: true }));
}
