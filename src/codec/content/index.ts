export { acceptedCodings } from './accepted-codings.ts';
export { BodyDecoder, type DecodedBody } from './body-decoder.ts';
export { BodyEncoder, ENCODER_BYTES, type EncodedBody, type EncodedCoding } from './body-encoder.ts';
export { ContentError } from './content-error.ts';
export { ACCEPTED_CODINGS, isDecodable } from './decoder-stream.ts';
export { GZIP_BEGINNING, GzipSum, gzipBlock } from './gzip-blocks.ts';
