/** Stands for a value that the log must not have. */
const HIDDEN = 'redacted';

/**
 * Parameters whose values are credentials, in lower case, without hyphens and underscores: those of OAuth 2.0 and OpenID Connect, signed URLs of the large
 * clouds, and the usual names for keys and passwords.
 */
const SECRETS: ReadonlySet<string> = new Set([
  'accesskey',
  'accesstoken',
  'apikey',
  'assertion',
  'auth',
  'authorization',
  'authtoken',
  'bearer',
  'clientassertion',
  'clientsecret',
  'code',
  'codeverifier',
  'credential',
  'credentials',
  'gripsig',
  'hmac',
  'idtoken',
  'idtokenhint',
  'jwt',
  'key',
  'keypairid',
  'oauthtoken',
  'otp',
  'pass',
  'passwd',
  'password',
  'policy',
  'pwd',
  'refreshtoken',
  'samlresponse',
  'secret',
  'secretkey',
  'session',
  'sessionid',
  'sessiontoken',
  'sid',
  'sig',
  'signature',
  'ticket',
  'token',
  'xamzcredential',
  'xamzsecuritytoken',
  'xamzsignature',
  'xapikey',
  'xauthtoken',
  'xgoogcredential',
  'xgoogsignature',
]);

/** How the header of every JWT begins: `{"` in base64url (RFC 7519 §3). */
const JWT_BEGIN = 'eyJ';

/** Where parameters begin and end. The last two do in a target that is a value itself, or is not encoded as one. */
const ENDS = '&;?#';

/** Targets in values of targets that are looked into. Beyond it their values are hidden. */
const MAX_DEPTH = 3;

/**
 * A request target, or a whole URI, for a log: without the password of the URI, the values of parameters that are credentials, and anything that is a
 * JWT, in the path too.
 * @param secret a further parameter whose value is one; empty for none
 */
export function shownTarget(target: string, secret = ''): string {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const shown = mayHaveSecret(path) ? shownPath(path) : path;
  return query < 0 ? shown : `${shown}?${shownQuery(target.slice(query + 1), secret)}`;
}

/** Whether a path has something that has to be looked at: nearly none has. */
function mayHaveSecret(path: string): boolean {
  return path.includes(JWT_BEGIN) || path.includes('%') || path.includes('@');
}

function shownPath(path: string): string {
  const authority = path.indexOf('://') + 3;
  let shown = path;
  if (authority > 2) {
    const end = path.indexOf('/', authority);
    const at = path.lastIndexOf('@', end < 0 ? path.length : end);
    if (at >= authority) shown = `${path.slice(0, authority)}${HIDDEN}${path.slice(at)}`;
  }
  return shown
    .split('/')
    .map((segment) => (isJwt(decoded(segment)) ? HIDDEN : segment))
    .join('/');
}

function shownQuery(query: string, secret: string, depth = 0): string {
  let shown = '';
  for (let start = 0; start <= query.length; ) {
    let end = start;
    while (end < query.length && !ENDS.includes(query[end] as string)) end++;
    shown += shownParameter(query.slice(start, end), secret, depth) + (query[end] ?? '');
    start = end + 1;
  }
  return shown;
}

function shownParameter(parameter: string, secret: string, depth: number): string {
  const equals = parameter.indexOf('=');
  if (equals < 0) return isJwt(decoded(parameter)) ? HIDDEN : parameter;
  const name = decoded(parameter.slice(0, equals));
  const value = decoded(parameter.slice(equals + 1));
  const isSecret =
    name === secret || SECRETS.has(plainName(name)) || isJwt(value) || hasSecretTarget(value, secret, depth + 1);
  return isSecret ? `${parameter.slice(0, equals)}=${HIDDEN}` : parameter;
}

/** Whether a value is a target with credentials in it, as the one to go to after a login is. */
function hasSecretTarget(value: string, secret: string, depth: number): boolean {
  const query = value.search(/[?#]/);
  if (query < 0) return false;
  const inner = value.slice(query + 1);
  return depth > MAX_DEPTH || shownQuery(inner, secret, depth) !== inner;
}

/** `X-Amz-Signature`, `access_token`, `token[]` and `user[password]` without what programs write differently. */
function plainName(name: string): string {
  const whole = name.endsWith('[]') ? name.slice(0, -2) : name;
  const open = whole.lastIndexOf('[');
  const last = open >= 0 && whole.endsWith(']') ? whole.slice(open + 1, -1) : whole;
  return last.replace(/[-_.+\s]/g, '').toLowerCase();
}

/** Whether a text has a JWT in it: two parts of base64url and a third one after dots (RFC 7515 §7.1). */
function isJwt(text: string): boolean {
  return text.includes(JWT_BEGIN) && /eyJ[\w-]*\.[\w-]+\./.test(text);
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // Not UTF-8: the ASCII in it counts all the same.
    return text.replace(/%([0-7][0-9a-fA-F])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}
