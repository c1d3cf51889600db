export { UPLOAD_DONE, UPLOAD_START } from './client-headers.ts';
export type { ControlAnswer } from './control-answer.ts';
export { type ControlRequest, encodeAnswers, encodeControls, MAX_ANSWER_IDS } from './encode-answers.ts';
export { HandlerFrames } from './handler-frames.ts';
export {
  type ExtraHeader,
  HandlerMessages,
  type HandlerMessagesOptions,
  type HandlerRequest,
} from './handler-messages.ts';
export type { HeaderProtocol } from './header-form.ts';
export { Mongrel2Error, type Mongrel2ErrorKind } from './mongrel2-error.ts';
export { type HandlerAnswer, parseAnswer } from './parse-answer.ts';
export { type HandlerMessage, parseHandlerMessage } from './parse-handler-message.ts';
export { type SocketEvent, SocketMessages } from './socket-messages.ts';
