import { fieldValues, nameIs } from '../../codec/fields/index.ts';
import { encodeHeaderText, type TokenClaims, type TokenKeys } from '../../codec/grip/index.ts';
import { pathOf } from '../../codec/http1/index.ts';
import type { JwtRules } from '../../config/index.ts';
import type { HeaderList, RequestHead } from '../../exchange/index.ts';
import { Permit } from './permit.ts';

/** `Authorization: Bearer` (RFC 6750 §2.1). */
const BEARER = /^bearer +([^ ]+)$/i;

/** Text that no field value can have (RFC 9110 §5.5). */
const CONTROL = /[^\t\P{Cc}]/u;

/** Lets those requests of a route pass that have a valid token. */
export class TokenGuard {
  readonly #rules: JwtRules;
  readonly #keys: TokenKeys;
  /** Names of the fields that are made of claims, in lower case and with hyphens. */
  readonly #names: ReadonlySet<string>;

  constructor(rules: JwtRules, keys: TokenKeys) {
    this.#rules = rules;
    this.#keys = keys;
    const names = new Set<string>();
    for (let i = 0; i < rules.headers.length; i += 2) names.add(plainName(rules.headers[i] as string));
    this.#names = names;
  }

  /** Whether the request is to pass without a token. */
  passes({ method, scheme, headers }: RequestHead): boolean {
    return (
      this.#rules.allowPreflight &&
      method === 'OPTIONS' &&
      // An edge may send any method with a WebSocket.
      scheme !== 'ws' &&
      scheme !== 'wss' &&
      fieldValues(headers, 'origin').length > 0 &&
      fieldValues(headers, 'access-control-request-method').length > 0
    );
  }

  /** The token of a request, which may be anything; null without one. */
  tokenOf({ headers, target }: RequestHead): string | null {
    const { cookie, query } = this.#rules;
    const [authorization = '', ...more] = fieldValues(headers, 'authorization');
    const token = BEARER.exec(authorization)?.[1];
    // Of two fields the origin might see the other one.
    if (token !== undefined) return more.length === 0 ? token : '';
    if (cookie !== '') {
      for (const value of fieldValues(headers, 'cookie')) {
        for (const pair of value.split(';')) {
          if (nameOf(pair.trim()) === cookie) return tokenIn(pair.trim());
        }
      }
    }
    if (query === '') return null;
    const parameter = parametersOf(target).find((each) => nameOf(each) === query);
    return parameter === undefined ? null : tokenIn(parameter);
  }

  /** A target for the log, which must not have tokens in it. */
  shown(target: string): string {
    const { query } = this.#rules;
    if (query === '') return target;
    const parameters = parametersOf(target);
    if (parameters.length === 0) return target;
    return withQuery(
      pathOf(target),
      parameters.map((each) => (nameOf(each) === query ? `${query}=…` : each)),
    );
  }

  /** What a token permits, and its claims. @throws TokenError */
  async verify(token: string): Promise<{ readonly permit: Permit; readonly claims: TokenClaims }> {
    const { headers, channels, leeway, endAtExpiry, userClaim } = this.#rules;
    const claims = await this.#keys.claims(token, this.#rules);
    const fields: string[] = [];
    for (let i = 0; i < headers.length; i += 2) {
      const text = claimText(claimOf(claims, headers[i + 1] as string));
      if (text !== null && !CONTROL.test(text)) fields.push(headers[i] as string, encodeHeaderText(text));
    }
    const expires = endAtExpiry ? (claims.exp + leeway) * 1_000 : Number.POSITIVE_INFINITY;
    const names = channels === '' ? null : namesOf(claimOf(claims, channels));
    const user = userClaim === '' ? null : userOf(claimOf(claims, userClaim));
    return { permit: new Permit(fields, expires, names, subjectOf(claims), user), claims };
  }

  /** The request without what the client must not say by itself, and without its token if the origin is not to get it. */
  cleaned(request: RequestHead): RequestHead {
    const { removeToken, query } = this.#rules;
    const headers: string[] = [];
    for (let i = 0; i < request.headers.length; i += 2) {
      const name = request.headers[i] as string;
      let value = request.headers[i + 1] as string;
      // Gateways behind this one may turn underscores into hyphens.
      if (this.#names.has(plainName(name))) continue;
      if (removeToken) {
        if (nameIs(name, 'authorization') && BEARER.test(value)) continue;
        if (nameIs(name, 'cookie')) value = this.#withoutCookie(value);
        if (value === '' && nameIs(name, 'cookie')) continue;
      }
      headers.push(name, value);
    }
    const target = removeToken && query !== '' ? withoutParameter(request.target, query) : request.target;
    return { ...request, headers, target };
  }

  #withoutCookie(value: string): string {
    const { cookie } = this.#rules;
    if (cookie === '') return value;
    const pairs = value.split(';').map((pair) => pair.trim());
    const kept = pairs.filter((pair) => nameOf(pair) !== cookie);
    return kept.length === pairs.length ? value : kept.join('; ');
  }
}

/** The value of a claim; undefined where the token has none. */
export function claimOf(claims: TokenClaims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** The subject of a token with one. It is unique only together with the issuer (RFC 7519 §4.1.2). */
function subjectOf({ iss, sub }: TokenClaims): string | null {
  return sub === undefined ? null : JSON.stringify({ iss, sub });
}

/** The user that a claim names, which is text or a number; null for none. */
function userOf(claim: unknown): string | null {
  return typeof claim === 'string' || typeof claim === 'number' ? String(claim) : null;
}

/** The text of a claim that has one; null for others. */
export function claimText(claim: unknown): string | null {
  if (Array.isArray(claim)) {
    const texts = claim.map(simpleText);
    return texts.includes(null) ? null : texts.join(',');
  }
  return simpleText(claim);
}

function simpleText(value: unknown): string | null {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

function namesOf(claim: unknown): string[] {
  return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : [];
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return equals < 0 ? '' : pair.slice(0, equals);
}

function tokenIn(pair: string): string {
  return pair.slice(pair.indexOf('=') + 1);
}

function parametersOf(target: string): string[] {
  const query = target.slice(pathOf(target).length + 1);
  return query === '' ? [] : query.split('&');
}

function withoutParameter(target: string, name: string): string {
  const kept = parametersOf(target).filter((each) => nameOf(each) !== name);
  const path = pathOf(target);
  return kept.length === 0 && target.length > path.length ? path : withQuery(path, kept);
}

function withQuery(path: string, parameters: HeaderList): string {
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`;
}
