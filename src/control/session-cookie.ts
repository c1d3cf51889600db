import { fieldValues } from '../codec/fields/index.ts';
import type { RequestHead } from '../exchange/index.ts';
import { SESSION_LIFETIME } from './sessions.ts';

/** The token in the cookie of a request; null if there is none. */
export function sessionToken(request: RequestHead): string | null {
  const name = `${nameFor(request)}=`;
  for (const field of fieldValues(request.headers, 'cookie')) {
    for (const pair of field.split(';')) {
      const trimmed = pair.trim();
      if (trimmed.startsWith(name)) return trimmed.slice(name.length);
    }
  }
  return null;
}

/** The field that gives a browser its session. @param token empty to take it away */
export function sessionField(request: RequestHead, token: string): readonly string[] {
  const age = token === '' ? 0 : SESSION_LIFETIME;
  const secure = isSecure(request) ? '; Secure' : '';
  return ['Set-Cookie', `${nameFor(request)}=${token}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`];
}

/** Browsers give a cookie to all ports of a host (RFC 6265 §8.5): so that servers side by side have each their own, its name has the port. */
function nameFor({ authority }: RequestHead): string {
  return `holdfast_session_${/:(\d+)$/.exec(authority)?.[1] ?? 'default'}`;
}

/** Whether the browser speaks TLS, to a proxy in front. Whoever claims so in vain gets a cookie that is sent less often. */
function isSecure({ scheme, headers }: RequestHead): boolean {
  return scheme === 'https' || fieldValues(headers, 'x-forwarded-proto').some((value) => value.trim() === 'https');
}
