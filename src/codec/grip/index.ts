export {
  isMatchable,
  isWildcard,
  literalBeginning,
  MAX_PATTERN_TOKENS,
  matchesPattern,
  patternProblem,
} from './channel-pattern.ts';
export { closeReason } from './close-reason.ts';
export { type ControlMessage, type MessageContent, parseControlMessage, type Subscription } from './control-message.ts';
export { decodeItem, decodeItems, encodeItem, encodeItemBehind, idTest } from './encoded-item.ts';
export { GripError, OversizedItemError, PublishError, ReusedKeyError } from './grip-error.ts';
export { type GripExtension, gripExtension } from './grip-extension.ts';
export { MAX_FILTERS } from './grip-fields.ts';
export { type GripLinks, NO_LINKS } from './grip-links.ts';
export { GripSigner } from './grip-signer.ts';
export { decodeHeaderText, encodeHeaderText } from './header-text.ts';
export { holdModeOf, isInstruct, isInstructBody } from './is-instruct.ts';
export { MAX_KEY_BYTES } from './item-extras.ts';
export { MAX_TTL } from './item-limits.ts';
export { stringAt } from './json-pointer.ts';
export { keyOf } from './key-of.ts';
export { KeySet } from './key-set.ts';
export { parseInstruct } from './parse-instruct.ts';
export { isJsonContainer, parseJson } from './parse-json.ts';
export { PublishItemsReader, parsePublishItem, parsePublishItems } from './parse-publish-items.ts';
export { parsePublishMessage, publishValue } from './publish-message.ts';
export { publishUrl } from './publish-url.ts';
export { publishedCursors } from './published-cursors.ts';
export { parseSessionFields, type SessionFields, type SessionRule, sessionIn } from './session-fields.ts';
export { NO_META } from './string-map.ts';
export {
  isOfWebhook,
  isPublishedBySystem,
  nameBehind,
  presenceChannel,
  subjectOfPresence,
  webhookChannel,
  webhookMarkChannel,
  wholeName,
} from './system-channels.ts';
export { TokenError, type TokenProblem } from './token-error.ts';
export { type TokenClaims, type TokenKeys, type TokenRules, TokenVerifier, verifyingKey } from './token-verifier.ts';
export type {
  ChannelRef,
  Hold,
  HttpResponseFormat,
  HttpStreamFormat,
  Instruct,
  InstructResponse,
  ItemExtras,
  KeepAlive,
  PublishItem,
  RepeatKey,
  WsMessageFormat,
} from './types.ts';
export {
  closeOf,
  decodeEvents,
  EVENTS_TYPE,
  type EventType,
  encodeEvents,
  isEventsType,
  type WebSocketEvent,
} from './websocket-events.ts';
