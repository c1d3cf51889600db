export { Attributes } from './attributes.ts';
export { OtlpExporter, type OtlpExporterOptions } from './otlp-exporter.ts';
export type { PostedSpans, SpanPost } from './span-post.ts';
export type { SpanKind } from './span-text.ts';
export { TraceCounters } from './trace-counters.ts';
