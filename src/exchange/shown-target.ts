/** Stands for a value that the log must not have. */
const HIDDEN = 'redacted';

/**
 * Parameters whose values are credentials, in lower case, without hyphens and underscores: those of OAuth 2.0 and OpenID Connect, signed URLs of the large
 * clouds, and the usual names for keys and passwords.
 */
const SECRETS: ReadonlySet<string> = new Set([
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
  'pass',
  'passwd',
  'password',
  'policy',
  'pwd',
  'refreshtoken',
  'samlresponse',
  'secret',
  'session',
  'sessionid',
  'sid',
  'sig',
  'signature',
  'ticket',
  'token',
  'xamzcredential',
  'xamzsecuritytoken',
  'xamzsignature',
  'xgoogcredential',
  'xgoogsignature',
]);

/** How the header of every JWT begins: `{"` in base64url (RFC 7519 §3). */
const JWT_BEGIN = 'eyJ';

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

function shownQuery(query: string, secret: string): string {
  let shown = '';
  for (let start = 0; start <= query.length; ) {
    let end = start;
    while (end < query.length && query[end] !== '&' && query[end] !== ';') end++;
    shown += shownParameter(query.slice(start, end), secret) + (query[end] ?? '');
    start = end + 1;
  }
  return shown;
}

function shownParameter(parameter: string, secret: string): string {
  const equals = parameter.indexOf('=');
  if (equals < 0) return isJwt(decoded(parameter)) ? HIDDEN : parameter;
  const name = decoded(parameter.slice(0, equals));
  const isSecret = name === secret || SECRETS.has(plainName(name)) || isJwt(decoded(parameter.slice(equals + 1)));
  return isSecret ? `${parameter.slice(0, equals)}=${HIDDEN}` : parameter;
}

/** `X-Amz-Signature`, `access_token` and `user[password]` without what programs write differently. */
function plainName(name: string): string {
  const open = name.lastIndexOf('[');
  const last = open >= 0 && name.endsWith(']') && open < name.length - 2 ? name.slice(open + 1, -1) : name;
  return last.replace(/[-_.]/g, '').toLowerCase();
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
