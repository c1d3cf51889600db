import { pathOf } from '../codec/http1/index.ts';
import type { Route } from '../config/index.ts';
import { rewritePath } from './rewrite-path.ts';

/**
 * Brings the path of a target into the one form in which routes see it and origins get it: characters that never need to be
 * percent-encoded are decoded, so `/%61pi` is `/api` (RFC 3986 §6.2.2.2), and dot segments, also encoded ones, are removed, so
 * `/public/%2e%2e/admin` is `/admin` (§6.2.2.3). All other escapes stay as they are, and so does the query.
 */
export function normalizeTarget(target: string): string {
  if (!target.includes('%') && !target.includes('/.')) return target;
  const path = pathOf(target);
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : encoded;
  });
  const normal = hasDotSegment(decoded) ? removeDotSegments(decoded) : decoded;
  return normal + target.slice(path.length);
}

/** Whether a path has a segment `.` or `..`. */
export function hasDotSegment(path: string): boolean {
  return path.includes('/.') && /\/\.\.?(?:\/|$)/.test(path);
}

/** RFC 3986 §5.2.4. Nothing leads above the root. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i] as string;
    const dots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!dots) kept.push(segment);
    else if (i === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/**
 * What the origin is asked for: the target after the route's `path_rem`, `replace_beg` or `rewrite`, which leave the query alone. Null where that
 * would make a dot segment: with `path_beg=/api,replace_beg=/v2/`, `/api../admin` is not to leave `/v2`.
 */
export function rewriteTarget(target: string, route: Route): string | null {
  const { replaceBeg, pathBeg, pathRem, rewrite } = route;
  if (replaceBeg === null && pathRem === 0 && rewrite === null) return target;
  const path = pathOf(target);
  let rest = path.slice(pathRem);
  if (replaceBeg !== null) rest = replaceBeg + path.slice(pathBeg.length);
  else if (rewrite !== null) rest = rewritePath(path, rewrite) ?? path;
  const rooted = rest.startsWith('/') ? rest : `/${rest}`;
  return hasDotSegment(rooted) ? null : rooted + target.slice(path.length);
}
