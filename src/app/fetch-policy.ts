import { formatDnsServer } from '../config/index.ts';
import { type Denials, DnsResolver, Guard, type Resolver, SystemResolver } from '../net/index.ts';
import type { FetchPlan } from './fetch-plan.ts';

type Rules = Pick<FetchPlan, 'defaultPolicy' | 'allow' | 'deny' | 'allowInternal'>;

/** What decides where requests may go. @param denials counts what is denied */
export function fetchGuard(
  { defaultPolicy, allow, deny, allowInternal }: Rules,
  denials: Denials | null = null,
): Guard {
  return new Guard({ defaultPolicy, allow, deny, denyInternal: !allowInternal }, denials);
}

/** What finds out the addresses of names. */
export function fetchResolver({ dnsServers }: Pick<FetchPlan, 'dnsServers'>): Resolver {
  return dnsServers.length === 0 ? new SystemResolver() : new DnsResolver(dnsServers.map(formatDnsServer));
}
