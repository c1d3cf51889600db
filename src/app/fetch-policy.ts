import { formatDnsServer } from '../config/index.ts';
import { DnsResolver, Guard, type Resolver, SystemResolver } from '../net/index.ts';
import type { FetchPlan } from './fetch-plan.ts';

type Rules = Pick<FetchPlan, 'defaultPolicy' | 'allow' | 'deny' | 'allowInternal'>;

/** What decides where requests may go. */
export function fetchGuard({ defaultPolicy, allow, deny, allowInternal }: Rules): Guard {
  return new Guard({ defaultPolicy, allow, deny, denyInternal: !allowInternal });
}

/** What finds out the addresses of names. */
export function fetchResolver({ dnsServers }: Pick<FetchPlan, 'dnsServers'>): Resolver {
  return dnsServers.length === 0 ? new SystemResolver() : new DnsResolver(dnsServers.map(formatDnsServer));
}
