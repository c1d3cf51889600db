export { type EventId, formatEventId, parseEventId, placeOf } from './event-id.ts';
export { BEGINNING } from './event-log.ts';
export type { LogReader } from './log-reader.ts';
export type {
  ResumableStream,
  StreamMirror,
  StreamOrigin,
  StreamOwner,
  StreamReader,
  StreamRules,
} from './resumable-stream.ts';
export {
  ALL_RIGHTS,
  ResumableStreams,
  type ResumableStreamsOptions,
  refusalOf,
  resumeRequest,
} from './resumable-streams.ts';
