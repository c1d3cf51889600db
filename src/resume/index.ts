export { type EventId, formatEventId, parseEventId, placeOf } from './event-id.ts';
export { BEGINNING } from './event-log.ts';
export type { LogReader } from './log-reader.ts';
export type { ResumableStream, StreamOrigin, StreamOwner, StreamRules } from './resumable-stream.ts';
export { ALL_RIGHTS, ResumableStreams, type ResumableStreamsOptions, resumeRequest } from './resumable-streams.ts';
