import type { Route } from '../config/index.ts';

/**
 * Decodes the percent-encoded characters that never need it (RFC 3986 §2.3, §6.2.2.2), so that `/%61pi` is matched, and reaches the
 * origin, as `/api`. All other escapes stay as they are.
 */
export function normalizeTarget(target: string): string {
  if (!target.includes('%')) return target;
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : encoded;
  });
  return query < 0 ? decoded : decoded + target.slice(query);
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** What the origin is asked for: the target after the route's `path_rem` or `replace_beg`, which leave the query alone. */
export function rewriteTarget(target: string, route: Route): string {
  const { replaceBeg, pathBeg, pathRem } = route;
  if (replaceBeg === null && pathRem === 0) return target;
  const path = pathOf(target);
  const rest = replaceBeg === null ? path.slice(pathRem) : replaceBeg + path.slice(pathBeg.length);
  return rooted(rest + target.slice(path.length));
}

function rooted(target: string): string {
  return target.startsWith('/') ? target : `/${target}`;
}
