export { acceptKey } from './accept-key.ts';
export { type HandshakeOffer, type HandshakeResponse, offerFields, readHandshakeResponse } from './client-handshake.ts';
export { closePayload, isCloseCode, MAX_REASON_BYTES, NO_STATUS } from './close-codes.ts';
export { type AcceptedDeflate, acceptDeflate, DEFAULT_DEFLATE, type DeflateParameters } from './deflate-parameters.ts';
export { type DeflateOptions, Deflater, type DeflaterOptions, type DeflaterSink, deflateMessage } from './deflater.ts';
export { type Extension, extensionName, parseExtensions } from './extensions.ts';
export { FrameBatch, type FrameOutput } from './frame-batch.ts';
export { type FrameEvent, FrameReader, type FrameReaderOptions, type Role } from './frame-reader.ts';
export { encodeFrame, encodeMaskedFrame, encodeMessage, frameHeader } from './frame-writer.ts';
export { Inflater, type InflaterOptions, type InflaterSink } from './inflater.ts';
export { applyMask } from './mask.ts';
export { maskKey } from './mask-keys.ts';
export { MessageReader, type MessageReaderOptions, type MessageSink } from './message-reader.ts';
export { type FrameSink, MessageWriter, type MessageWriterOptions, type SharedMessage } from './message-writer.ts';
export { BINARY, CLOSE, CONTINUATION, MAX_CONTROL_BYTES, type Opcode, PING, PONG, TEXT } from './opcodes.ts';
export {
  acceptFields,
  type HandshakeRequest,
  type InvalidHandshake,
  readHandshake,
  type ValidHandshake,
} from './server-handshake.ts';
export { parseSubprotocols } from './subprotocols.ts';
export { HandshakeError, WebSocketError } from './websocket-error.ts';
export { DEFAULT_LIMITS, type WebSocketLimits } from './websocket-limits.ts';
