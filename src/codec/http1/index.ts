export { type BodyReader, bodyReader } from './body-reader.ts';
export { isFieldText, isTargetText, isToken } from './chars.ts';
export { declaredLength } from './declared-length.ts';
export { CHUNKED, type Http1Version, isPersistent, parseContentLength, UNTIL_CLOSE } from './framing.ts';
export { isHost } from './host.ts';
export { hostOf } from './host-of.ts';
export { Http1Error, type Http1ErrorKind } from './http1-error.ts';
export { DEFAULT_LIMITS, type Http1Limits, MAX_EXTENSION_BYTES } from './http1-limits.ts';
export {
  chunkHeader,
  encodeChunk,
  fieldText,
  LAST_CHUNK,
  requestHeadText,
  responseHeadText,
  SMALL_BODY,
} from './http1-writer.ts';
export { isIdempotent } from './is-idempotent.ts';
export { isLoopback } from './is-loopback.ts';
export { lastEventId, withoutLastEventId } from './last-event-id.ts';
export { pathOf } from './path-of.ts';
export { reasonPhrase } from './reasons.ts';
export { type Http1RequestHead, RequestHeadReader } from './request-head.ts';
export { type Http1ResponseHead, ResponseHeadReader } from './response-head.ts';
