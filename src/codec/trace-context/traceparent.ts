/** Where a request stands in a trace, as a valid `traceparent` says (W3C Trace Context §3.2). */
export interface TraceParent {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** The span that sent the request: 16 lower-case hex digits, not all 0. */
  readonly parentId: string;
  /** The flags that are known here: `SAMPLED`, `RANDOM`. */
  readonly flags: number;
}

/** Flag: the trace is recorded. */
export const SAMPLED = 0x01;

/** Flag: the trace id is random (Trace Context Level 2 §3.2.3.3.2). It is kept with the trace. */
export const RANDOM = 0x02;

/** Length of version 00: `00-` trace id `-` parent id `-` flags. */
const LENGTH = 55;

/** Reads a `traceparent`. Returns null for one that is not valid: a new trace begins then (§4.3). */
export function parseTraceparent(text: string): TraceParent | null {
  if (text.length < LENGTH || !areHex(text, 0, 2) || text.startsWith('ff')) return null;
  // §4.3: of a later version the beginning is read as version 00; more may follow after another dash.
  if (text.length > LENGTH && (text.startsWith('00') || text.charAt(LENGTH) !== '-')) return null;
  if (text.charAt(2) !== '-' || text.charAt(35) !== '-' || text.charAt(52) !== '-') return null;
  if (!areHex(text, 3, 35) || !areHex(text, 36, 52) || !areHex(text, 53, 55)) return null;
  const traceId = text.slice(3, 35);
  const parentId = text.slice(36, 52);
  if (isZero(traceId) || isZero(parentId)) return null;
  return { traceId, parentId, flags: Number.parseInt(text.slice(53, 55), 16) & (SAMPLED | RANDOM) };
}

/** Writes a `traceparent` of version 00. */
export function formatTraceparent({ traceId, parentId, flags }: TraceParent): string {
  return `00-${traceId}-${parentId}-0${flags}`;
}

/** Whether these are hex digits in lower case (§3.2.2). */
function areHex(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false;
  }
  return true;
}

function isZero(digits: string): boolean {
  for (let i = 0; i < digits.length; i++) if (digits.charCodeAt(i) !== 0x30) return false;
  return true;
}
