export { formatTraceparent, parseTraceparent, RANDOM, SAMPLED, type TraceParent } from './traceparent.ts';
export { isTracestate } from './tracestate.ts';
