export { ACCEPTED_CODINGS, BodyDecoder, type DecodedBody, isDecodable } from './body-decoder.ts';
export { ContentError } from './errors.ts';
