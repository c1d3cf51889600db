import { connectionOptions, fieldValues, listMembers, nameIs, nameStartsWith } from '../codec/fields/index.ts';
import type { ForwardedFor, HeaderRules } from './header-rules.ts';
import type { ProxiedRequest } from './proxied-request.ts';

/** Marks a copy of a client's header that `orig_headers` makes. */
const ORIGINAL_PREFIX = 'eb9bf0f5-';

const CAPITAL_G = 0x47;
const SMALL_G = 0x67;
const CAPITAL_E = 0x45;
const SMALL_E = 0x65;

/** The usual `Via`. */
const VIA = '1.1 holdfast';

/** What Grip-Feature tells the origin that it may use. */
export const GRIP_FEATURES =
  'status, session, link:next, link:gone, filter:skip-self, filter:skip-users, filter:require-sub, filter:build-id, filter:var-subst, filter:http-check, filter:http-modify';

/**
 * The fields that the origin gets, first the Host that the first target of the route gets.
 * @param gripLast `Grip-Last` values of a replay
 */
export function originHeaders(proxied: ProxiedRequest, gripLast: readonly string[]): string[] {
  const { request, route, trusted } = proxied;
  const { rules } = proxied.settings;
  const { headers } = request;
  const result = ['Host', route.targets.host(request.authority)];
  const named = connectionOptions(headers);
  const dropped = route.setNames;
  const isForwarded = request.peer.proxy !== undefined;
  const matters = named !== null || dropped.size > 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (staysHere(name, rules, trusted, isForwarded)) continue;
    if (matters && isIn(name.toLowerCase(), named, dropped)) continue;
    result.push(name, headers[i + 1] as string);
  }
  addForwarded(result, proxied, rules);
  if (rules.cdnLoop !== '') {
    result.push('CDN-Loop', appended(fieldValues(headers, 'cdn-loop'), rules.cdnLoop));
  }
  // RFC 9110 §7.6.3: after what the proxies before this one wrote.
  if (rules.via && !dropped.has('via'))
    result.push('Via', request.version === '1.1' ? VIA : `${request.version} holdfast`);
  if (route.route.origHeaders) addOriginals(result, headers);
  if (!trusted && !route.route.noGrip) {
    const signature = route.signer?.token();
    if (signature !== undefined) result.push('Grip-Sig', signature);
    result.push('Grip-Feature', GRIP_FEATURES);
    const { session = null } = proxied;
    if (session !== null) result.push('Grip-Session-Id', session.id);
    // A replay knows better where the client is.
    const lasts = session !== null && gripLast.length === 0 ? session.gripLast : gripLast;
    for (const last of lasts) result.push('Grip-Last', last);
  }
  if (proxied.permit !== null) result.push(...proxied.permit.headers);
  const { setHeaders } = route;
  for (let i = 0; i < setHeaders.length; i++) result.push(setHeaders[i] as string);
  return result;
}

/**
 * Whether the field does not go on to the origin as it came: it is for one connection only (RFC 9110 §7.6.1), it is Expect, which this
 * hop handles (§10.1.1), or the proxy writes, replaces or withholds it. Looks at the length first: most fields go on.
 */
function staysHere(name: string, rules: HeaderRules, trusted: boolean, proxied: boolean): boolean {
  switch (name.length) {
    case 2:
      return nameIs(name, 'te');
    case 4:
      return nameIs(name, 'host');
    case 6:
      return nameIs(name, 'expect');
    case 7:
      return nameIs(name, 'trailer') || nameIs(name, 'upgrade');
    case 8:
      if (nameIs(name, 'cdn-loop')) return rules.cdnLoop !== '';
      break;
    case 10:
      if (nameIs(name, 'connection') || nameIs(name, 'keep-alive')) return true;
      break;
    case 13:
      if (nameIs(name, 'pushpin-route')) return rules.acceptPushpinRoute;
      break;
    case 14:
      if (nameIs(name, 'content-length')) return true;
      break;
    case 15:
      if (nameIs(name, 'x-forwarded-for'))
        return replacesForwardedFor(trusted || proxied ? rules.xForwardedForTrusted : rules.xForwardedFor);
      break;
    case 16:
      if (nameIs(name, 'proxy-connection')) return true;
      break;
    case 17:
      if (nameIs(name, 'transfer-encoding')) return true;
      if (nameIs(name, 'x-forwarded-proto')) return !rules.acceptXForwardedProtocol;
      break;
    case 20:
      if (nameIs(name, 'x-forwarded-protocol')) return !rules.acceptXForwardedProtocol;
      break;
  }
  return !trusted && isOfTrustedProxy(name);
}

/**
 * Whether only a trusted proxy may send the field: GRIP's own, and the header fields of another client. Many gateways turn hyphens into
 * underscores, so to an origin behind one both spellings are the same field.
 */
function isOfTrustedProxy(name: string): boolean {
  switch (name.charCodeAt(0)) {
    case CAPITAL_G:
    case SMALL_G:
      return nameStartsWith(name, 'grip-') || nameStartsWith(name, 'grip_');
    case CAPITAL_E:
    case SMALL_E:
      return nameStartsWith(name, ORIGINAL_PREFIX);
    default:
      return false;
  }
}

function isIn(lower: string, named: readonly string[] | null, dropped: ReadonlySet<string>): boolean {
  return named?.includes(lower) === true || dropped.has(lower);
}

/** A list with `member` after its other members. */
function appended(values: readonly string[], member: string): string {
  return values.length === 0 ? member : [...listMembers(values), member].join(', ');
}

function replacesForwardedFor(rule: ForwardedFor): boolean {
  return rule.append || rule.truncate !== null;
}

function addForwarded(result: string[], proxied: ProxiedRequest, rules: HeaderRules): void {
  const { request, trusted } = proxied;
  const { peer } = request;
  const rule = trusted || peer.proxy !== undefined ? rules.xForwardedForTrusted : rules.xForwardedFor;
  if (replacesForwardedFor(rule)) {
    const values = fieldValues(request.headers, 'x-forwarded-for');
    let addresses = values.length === 0 ? values : listMembers(values);
    if (rule.truncate !== null) addresses = rule.truncate === 0 ? [] : addresses.slice(-rule.truncate);
    // The proxies before this one have named the client already.
    const { address } = peer.proxy ?? peer;
    if (rule.append && address !== '') addresses.push(address);
    if (addresses.length > 0) result.push('X-Forwarded-For', addresses.join(', '));
  }
  // A proxy that is believed has said it already, and its words have passed.
  const { scheme } = request;
  if ((scheme !== 'https' && scheme !== 'wss') || rules.setXForwardedProtocol === 'false') return;
  if (fieldValues(result, 'x-forwarded-proto').length === 0) result.push('X-Forwarded-Proto', scheme);
  if (rules.setXForwardedProtocol === 'true' && fieldValues(result, 'x-forwarded-protocol').length === 0) {
    result.push('X-Forwarded-Protocol', scheme);
  }
}

function addOriginals(result: string[], headers: readonly string[]): void {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!name.toLowerCase().startsWith(ORIGINAL_PREFIX)) result.push(ORIGINAL_PREFIX + name, headers[i + 1] as string);
  }
}
