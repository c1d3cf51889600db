import { fieldValues } from '../codec/fields/index.ts';
import { isTracestate, parseTraceparent } from '../codec/trace-context/index.ts';
import { type HeaderList, NO_OWN_FIELDS, type RequestHead } from '../exchange/index.ts';

/** The fields by which a request that the proxy makes because of another one stays in the trace of that (W3C Trace Context). */
export function traceFields({ headers, ownFields = NO_OWN_FIELDS }: RequestHead): HeaderList {
  const own = fieldValues(ownFields, 'traceparent');
  const [parent, ...more] = own.length > 0 ? own : fieldValues(headers, 'traceparent');
  if (parent === undefined || more.length > 0 || parseTraceparent(parent) === null) return NO_OWN_FIELDS;
  const states = fieldValues(headers, 'tracestate');
  if (states.length === 0 || !isTracestate(states)) return ['traceparent', parent];
  return ['traceparent', parent, 'tracestate', states.join(',')];
}
