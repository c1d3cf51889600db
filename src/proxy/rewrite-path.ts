import type { PathRewrite } from '../config/index.ts';

/**
 * The path that the pattern makes of `path`; null if the path does not match it. The work grows with the length of the path, whatever
 * the pattern.
 */
export function rewritePath(path: string, { from, to }: PathRewrite): string | null {
  const values = new Map<string, string>();
  // Where the segment at hand begins: after its slash.
  let at = 1;
  for (let i = 0; i < from.length; i++) {
    const { kind, text } = from[i] as PathRewrite['from'][number];
    if (at > path.length) return null;
    if (kind === 'rest') {
      values.set(text, path.slice(at));
      at = path.length + 1;
      break;
    }
    const slash = path.indexOf('/', at);
    const end = slash < 0 ? path.length : slash;
    const segment = path.slice(at, end);
    if (kind === 'text' ? segment !== text : segment === '') return null;
    if (kind === 'one') values.set(text, segment);
    at = end + 1;
  }
  if (at <= path.length) return null;
  let result = '';
  for (const { kind, text } of to) result += kind === 'text' ? text : values.get(text);
  return result;
}
