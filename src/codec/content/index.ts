export { ACCEPTED_CODINGS, BodyDecoder, type DecodedBody, isDecodable } from './body-decoder.ts';
export { ContentError } from './content-error.ts';
export { decodeAtOnce } from './decode-at-once.ts';
