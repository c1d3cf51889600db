import { randomFillSync } from 'node:crypto';
import { fieldValues, nameIs } from '../codec/fields/index.ts';
import { formatTraceparent, isTracestate, parseTraceparent, RANDOM, SAMPLED } from '../codec/trace-context/index.ts';
import { type ExchangeObserver, type HeaderList, NO_OWN_FIELDS, type RecordedSpan } from '../exchange/index.ts';

/** How a server takes part in traces (W3C Trace Context). */
export interface Tracing {
  /** Whether requests with a valid `traceparent` stay in their trace. Otherwise each begins its own. */
  readonly accept: boolean;
  /** Share of the traces that begin here and are recorded, from 0 to 1. */
  readonly sample: number;
  /** Is told of each recorded exchange at its end. Null: none is recorded, and `traceparent` passes as it came. */
  readonly observer: ExchangeObserver | null;
}

/** What a request becomes as part of a trace. */
export interface Traced {
  /** The fields of the client, without those that do not count. */
  readonly headers: HeaderList;
  /** The field that says where the request is in its trace, if it does not say so as it came. */
  readonly ownFields: HeaderList;
  /** Null where it is not recorded. */
  readonly span: RecordedSpan | null;
}

const PARENT = 'traceparent';
const STATE = 'tracestate';

/** Finds the trace of a request, or begins one. */
export function tracedFields(headers: HeaderList, { accept, sample, observer }: Tracing): Traced {
  let found = -1;
  let parents = 0;
  let states = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length === PARENT.length && nameIs(name, PARENT)) {
      found = i + 1;
      parents++;
    } else if (name.length === STATE.length && nameIs(name, STATE)) states++;
  }
  const parent = accept && parents === 1 ? parseTraceparent(headers[found] as string) : null;
  if (parent === null) {
    // §4.3: what comes with a traceparent that is not valid does not count either.
    const others = parents + states === 0 ? headers : without(headers, true, true);
    const sampled = observer !== null && (sample >= 1 || Math.random() < sample);
    const traceId = randomHex(16);
    const spanId = randomHex(8);
    const flags = sampled ? SAMPLED | RANDOM : RANDOM;
    const ownFields = [PARENT, formatTraceparent({ traceId, parentId: spanId, flags })];
    const span = sampled ? { traceId, spanId, parentId: '', state: '', observer } : null;
    return { headers: others, ownFields, span };
  }
  const state = states === 0 ? [] : fieldValues(headers, STATE);
  const hasState = states > 0 && isTracestate(state);
  const dropsState = states > 0 && !hasState;
  if (observer === null || (parent.flags & SAMPLED) === 0) {
    // §3.4: who does not take part passes it on as it came.
    return { headers: dropsState ? without(headers, false, true) : headers, ownFields: NO_OWN_FIELDS, span: null };
  }
  const { traceId, parentId, flags } = parent;
  const spanId = randomHex(8);
  return {
    headers: without(headers, true, dropsState),
    ownFields: [PARENT, formatTraceparent({ traceId, parentId: spanId, flags })],
    span: { traceId, spanId, parentId, state: hasState ? state.join(',') : '', observer },
  };
}

function without(headers: HeaderList, parent: boolean, state: boolean): string[] {
  const others: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if ((parent && nameIs(name, PARENT)) || (state && nameIs(name, STATE))) continue;
    others.push(name, headers[i + 1] as string);
  }
  return others;
}

/** Random bytes that are left. */
const random = Buffer.alloc(4_096);
let used = random.length;

/** As many random bytes in hex digits. They are not all 0. */
function randomHex(bytes: number): string {
  if (used + bytes > random.length) {
    randomFillSync(random);
    used = 0;
  }
  const start = used;
  used += bytes;
  const digits = random.toString('hex', start, used);
  return random[start] === 0 && Number.parseInt(digits, 16) === 0 ? randomHex(bytes) : digits;
}
