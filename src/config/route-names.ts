import { suggestion } from './suggest.ts';

/** Properties of Pushpin's conditions and targets that this version does not support. */
const UNSUPPORTED = new Set(['log_level']);

/** Names that people try, and the properties they mean. */
const MEANT = new Map([
  ['aorigin', 'aco'],
  ['auto_cross_origin', 'aco'],
  ['cors', 'aco'],
  ['domain', 'host'],
  ['grip', 'no_grip'],
  ['jsonp', 'aco'],
  ['path', 'path_beg'],
  ['path_prefix', 'path_beg'],
  ['strip_prefix', 'replace_beg'],
  ['subscribe', 'sub'],
  ['target', 'targets'],
  ['tls', 'ssl'],
  ['woh', 'over_http'],
  ['ws-over-http', 'over_http'],
  ['ws_over_http', 'over_http'],
]);

/** Whether nobody has a property of this name: neither Pushpin nor `known`. */
export function isUnknownEverywhere(name: string, known: readonly string[]): boolean {
  return !known.includes(name) && !UNSUPPORTED.has(name);
}

/** Says that Pushpin has this property and this version does not. */
export function unsupported(name: string): string {
  return `"${name}" of Pushpin is not supported by this version`;
}

/**
 * What to say about an unknown name: that Pushpin has it, or the known name that was probably meant. `what` describes it, phrased to follow
 * "unknown".
 */
export function unknownRouteName(name: string, known: readonly string[], what: string): string {
  const meant = MEANT.get(name) ?? name;
  if (known.includes(meant)) return `unknown ${what}; did you mean "${meant}"?`;
  if (!UNSUPPORTED.has(meant)) return `unknown ${what}${suggestion(name, known)}`;
  return meant === name ? unsupported(name) : `Pushpin calls this "${meant}"; it is not supported by this version`;
}
