export { BodyDecoder, type DecodedBody } from './body-decoder.ts';
export { ContentError } from './content-error.ts';
export { ACCEPTED_CODINGS, isDecodable } from './decoder-stream.ts';
