import { suggestion } from './suggest.ts';

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

/** What to say about an unknown name, with the known one that was probably meant. `what` describes it, phrased to follow "unknown". */
export function unknownRouteName(name: string, known: readonly string[], what: string): string {
  const meant = MEANT.get(name) ?? name;
  return `unknown ${what}${known.includes(meant) ? `; did you mean "${meant}"?` : suggestion(name, known)}`;
}
