export { type BodyReader, bodyReader } from './body-reader.ts';
export { isFieldText, isToken } from './chars.ts';
export { Http1Error, type Http1ErrorKind } from './errors.ts';
export { CHUNKED, isPersistent, parseContentLength, UNTIL_CLOSE } from './framing.ts';
export { DEFAULT_LIMITS, type Http1Limits, MAX_EXTENSION_BYTES } from './limits.ts';
export { reasonPhrase } from './reasons.ts';
export { type Http1RequestHead, RequestHeadReader } from './request-head.ts';
export { type Http1ResponseHead, ResponseHeadReader } from './response-head.ts';
export { chunkHeader, encodeChunk, LAST_CHUNK, requestHeadText, responseHeadText } from './writer.ts';
