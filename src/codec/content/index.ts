export { ACCEPTED_CODINGS, BodyDecoder, type DecodedBody, isDecodable } from './body-decoder.ts';
export { decodeAtOnce } from './decode-at-once.ts';
export { ContentError } from './errors.ts';
