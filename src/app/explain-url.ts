import { ExchangeError } from '../exchange/index.ts';
import { parseFetchUri } from '../fetch/index.ts';
import { DialError, type Verdict } from '../net/index.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { fetchGuard, fetchResolver } from './fetch-policy.ts';

/** Whether a plan's policy allows a request for a URL. */
export interface UrlDecision {
  /** At least one address may be dialled, and the name may be used. */
  readonly allowed: boolean;
  /** The steps of the decision, a line each. */
  readonly lines: readonly string[];
}

/**
 * Follows a request for `url` up to the point at which it would be dialled. Names are looked up if the policy allows them.
 * @throws Error for an invalid URL
 */
export async function explainUrl(plan: FetchPlan, url: string): Promise<UrlDecision> {
  const guard = fetchGuard(plan);
  const { authority } = parse(url);
  const { host, port, scheme, secure } = authority;
  const lines = [`${scheme}, host ${host}, port ${port}, ${secure ? 'with TLS' : 'without TLS'}`];
  const name = guard.checkName(host);
  lines.push(`name ${host}: ${verdictText(name)}`);
  if (!name.allowed) return { allowed: false, lines: [...lines, 'denied: policy-violation'] };
  let addresses: readonly string[];
  try {
    addresses = await fetchResolver(plan).resolve(host, plan.allowIpv6 ? 0 : 4);
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    lines.push(`addresses: ${error.message}`);
    return { allowed: false, lines: [...lines, 'not possible: remote-connection-failed'] };
  }
  const verdicts = addresses.map((address) => guard.checkAddress(address));
  for (const [index, verdict] of verdicts.entries()) lines.push(`address ${addresses[index]}: ${verdictText(verdict)}`);
  const count = verdicts.filter(({ allowed }) => allowed).length;
  if (count === 0) return { allowed: false, lines: [...lines, 'denied: policy-violation'] };
  const others = count < verdicts.length ? ', the others are never dialled' : '';
  return { allowed: true, lines: [...lines, `allowed: ${count} of ${verdicts.length} addresses${others}`] };
}

function parse(url: string): ReturnType<typeof parseFetchUri> {
  try {
    return parseFetchUri(Buffer.from(url).toString('latin1'));
  } catch (error) {
    throw error instanceof ExchangeError ? new Error(`bad-request: ${error.detail}`) : error;
  }
}

function verdictText({ allowed, reason }: Verdict): string {
  return `${allowed ? 'allowed' : 'denied'}: ${reason}`;
}
