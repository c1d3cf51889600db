import { formatDnsServer } from '../config/index.ts';
import { DnsResolver, Guard, GuardError, type Resolver, SystemResolver } from '../net/index.ts';
import type { FetchPlan } from './fetch-plan.ts';

type Rules = Pick<FetchPlan, 'defaultPolicy' | 'allow' | 'deny' | 'allowInternal'>;

/**
 * What decides where requests may go.
 * @throws Error that names the key of an expression that cannot be one
 */
export function fetchGuard({ defaultPolicy, allow, deny, allowInternal }: Rules): Guard {
  for (const [key, expressions] of Object.entries({ allow, deny })) {
    for (const [index, expression] of expressions.entries()) checkExpression(`fetch.${key}[${index}]`, expression);
  }
  return new Guard({ defaultPolicy, allow, deny, denyInternal: !allowInternal });
}

/** What finds out the addresses of names. */
export function fetchResolver({ dnsServers }: Pick<FetchPlan, 'dnsServers'>): Resolver {
  return dnsServers.length === 0 ? new SystemResolver() : new DnsResolver(dnsServers.map(formatDnsServer));
}

/** One at a time, since the error does not say which one it is about. */
function checkExpression(key: string, expression: string): void {
  try {
    new Guard({ defaultPolicy: 'allow', allow: [], deny: [expression], denyInternal: false });
  } catch (error) {
    throw error instanceof GuardError ? new Error(`${key}: ${error.message}`) : error;
  }
}
