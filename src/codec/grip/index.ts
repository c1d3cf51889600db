export { GripError, PublishError } from './grip-error.ts';
export { type GripLinks, NO_LINKS } from './grip-links.ts';
export { encodeHeaderText } from './header-text.ts';
export { holdModeOf, isInstruct, isInstructBody } from './is-instruct.ts';
export { parseInstruct } from './parse-instruct.ts';
export { PublishItemsReader, parsePublishItem, parsePublishItems } from './parse-publish-items.ts';
export { parsePublishMessage, publishValue } from './publish-message.ts';
export { algorithmOf, TokenVerifier } from './token-verifier.ts';
export type {
  ChannelRef,
  Hold,
  HttpResponseFormat,
  HttpStreamFormat,
  Instruct,
  InstructResponse,
  KeepAlive,
  PublishItem,
} from './types.ts';
