import { fieldValues, listMembers } from '../codec/fields/index.ts';
import type { ForwardedFor, HeaderRules } from './header-rules.ts';
import type { ProxiedRequest } from './proxied-request.ts';

/** Marks a copy of a client's header that `orig_headers` makes. */
const ORIGINAL_PREFIX = 'eb9bf0f5-';

/** What Grip-Feature tells the origin that it may use. */
const GRIP_FEATURES = 'status';

/** Fields of one connection only (RFC 9110 §7.6.1), and Expect, which this hop answers itself (§10.1.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/**
 * The fields that the origin gets, Host first: the caller sets its value, at index 1, for each target.
 * @param gripLast `Grip-Last` values of a replay
 */
export function originHeaders(proxied: ProxiedRequest, gripLast: readonly string[]): string[] {
  const { request, route, trusted } = proxied;
  const { rules } = proxied.settings;
  const { headers } = request;
  const result = ['Host', ''];
  const named = connectionOptions(headers);
  const dropped = route.setNames;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || isOurs(lower, rules, trusted)) continue;
    if (named?.includes(lower) || dropped.has(lower)) continue;
    result.push(name, headers[i + 1] as string);
  }
  addForwarded(result, proxied, rules);
  if (rules.cdnLoop !== '') {
    result.push('CDN-Loop', [...listMembers(fieldValues(headers, 'cdn-loop')), rules.cdnLoop].join(', '));
  }
  // RFC 9110 §7.6.3: behind what the proxies before this one wrote.
  if (rules.via && !dropped.has('via')) result.push('Via', `${request.version} holdfast`);
  if (route.route.origHeaders) addOriginals(result, headers);
  if (!trusted && !route.route.noGrip) {
    const signature = route.signer?.token();
    if (signature !== undefined) result.push('Grip-Sig', signature);
    result.push('Grip-Feature', GRIP_FEATURES);
    for (const last of gripLast) result.push('Grip-Last', last);
  }
  const { setHeaders } = route;
  for (let i = 0; i < setHeaders.length; i++) result.push(setHeaders[i] as string);
  return result;
}

/** Whether the field is written, replaced or kept from the origin by this proxy. */
function isOurs(lower: string, rules: HeaderRules, trusted: boolean): boolean {
  switch (lower) {
    case 'host':
    case 'content-length':
      return true;
    case 'x-forwarded-for':
      return replacesForwardedFor(trusted ? rules.xForwardedForTrusted : rules.xForwardedFor);
    case 'x-forwarded-proto':
    case 'x-forwarded-protocol':
      return !rules.acceptXForwardedProtocol;
    case 'cdn-loop':
      return rules.cdnLoop !== '';
    case 'pushpin-route':
      return rules.acceptPushpinRoute;
    default:
      // Nobody but a trusted proxy speaks GRIP, or for the headers of another client. Many gateways turn hyphens into
      // underscores, so to an origin behind one both spellings are the same field.
      return !trusted && (lower.startsWith('grip-') || lower.startsWith('grip_') || lower.startsWith(ORIGINAL_PREFIX));
  }
}

/** The names that Connection lists (RFC 9110 §7.6.1); null in the usual case of none that matter. */
function connectionOptions(headers: readonly string[]): string[] | null {
  let options: string[] | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).length !== 10 || (headers[i] as string).toLowerCase() !== 'connection') continue;
    const value = (headers[i + 1] as string).toLowerCase();
    if (value === 'keep-alive' || value === 'close') continue;
    options ??= [];
    options.push(...listMembers([value]));
  }
  return options;
}

function replacesForwardedFor(rule: ForwardedFor): boolean {
  return rule.append || rule.truncate !== null;
}

function addForwarded(result: string[], proxied: ProxiedRequest, rules: HeaderRules): void {
  const { request, trusted } = proxied;
  const rule = trusted ? rules.xForwardedForTrusted : rules.xForwardedFor;
  if (replacesForwardedFor(rule)) {
    let addresses = listMembers(fieldValues(request.headers, 'x-forwarded-for'));
    if (rule.truncate !== null) addresses = rule.truncate === 0 ? [] : addresses.slice(-rule.truncate);
    if (rule.append && request.peer.address !== '') addresses.push(request.peer.address);
    if (addresses.length > 0) result.push('X-Forwarded-For', addresses.join(', '));
  }
  // A proxy that is believed has said it already, and its words have passed.
  if (request.scheme !== 'https' || rules.setXForwardedProtocol === 'false') return;
  if (fieldValues(result, 'x-forwarded-proto').length === 0) result.push('X-Forwarded-Proto', 'https');
  if (rules.setXForwardedProtocol === 'true' && fieldValues(result, 'x-forwarded-protocol').length === 0) {
    result.push('X-Forwarded-Protocol', 'https');
  }
}

function addOriginals(result: string[], headers: readonly string[]): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!name.toLowerCase().startsWith(ORIGINAL_PREFIX)) result.push(ORIGINAL_PREFIX + name, headers[i + 1] as string);
  }
}
