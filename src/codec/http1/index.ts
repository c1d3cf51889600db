export { type BodyReader, bodyReader } from './body-reader.ts';
export { isFieldText, isToken } from './chars.ts';
export { CHUNKED, type Http1Version, isPersistent, parseContentLength, UNTIL_CLOSE } from './framing.ts';
export { Http1Error, type Http1ErrorKind } from './http1-error.ts';
export { DEFAULT_LIMITS, type Http1Limits, MAX_EXTENSION_BYTES } from './http1-limits.ts';
export { chunkHeader, encodeChunk, LAST_CHUNK, requestHeadText, responseHeadText } from './http1-writer.ts';
export { reasonPhrase } from './reasons.ts';
export { type Http1RequestHead, RequestHeadReader } from './request-head.ts';
export { type Http1ResponseHead, ResponseHeadReader } from './response-head.ts';
