export { emptyItem, textMessage } from './bare-item.ts';
export { type Channel, distinctMembers, type Group, type Membership } from './channel.ts';
export { ChannelHistory } from './channel-history.ts';
export { type ChannelInfo, type ChannelPage, type ChannelQuery, keyOfInfo } from './channel-page.ts';
export { type ChannelRule, ChannelRules, type HookRule, NO_RULES } from './channel-rules.ts';
export type { ChannelWatcher } from './channels.ts';
export { ClientCounts, type Counts, type CountsWatcher, NOBODY } from './client-counts.ts';
export { CountsSum } from './counts-sum.ts';
export { eventGap } from './event-gap.ts';
export type { FilterCall, FilterClient, FilterQuestion, FilterService } from './filter-service.ts';
export { FilteredBody } from './filter-set.ts';
export { FilterError } from './filter-template.ts';
export { FirstByKey } from './first-by-key.ts';
export type { FromNodes } from './from-nodes.ts';
export type { HoldOptions } from './hold-options.ts';
export { Hub, type HubQueues, type HubStats } from './hub.ts';
export {
  emptyAnswer,
  type HistoryAnswer,
  type HistoryQuestion,
  type HubHistory,
  isOfUse,
  OwnHistory,
} from './hub-history.ts';
export type { HubObserver } from './hub-observer.ts';
export type { HubLimits, HubOptions, HubStages, PatchBody } from './hub-options.ts';
export { Intake, MAX_UNDELIVERED, type Publication } from './intake.ts';
export { itemCost } from './item-cost.ts';
export { type HubChannels, ItemRouter, type RoutedHub } from './item-router.ts';
export { type ItemsOwner, ItemsPublication } from './items-publication.ts';
export type { KnownReceivers } from './known-receivers.ts';
export type { KeptVersion } from './last-versions.ts';
export type { HeldState, HoldParts, ResponseHoldState, StreamHoldState, WebSocketHoldState } from './moved-hold.ts';
export type {
  ChannelPosition,
  GoneLink,
  LinkClient,
  LinkFetch,
  LinkUpdate,
  NextLink,
  SessionNotes,
} from './next-link.ts';
export { PatternTrie } from './pattern-trie.ts';
export type { PresenceEvent, PresenceKind } from './presence-event.ts';
export {
  type KnownStay,
  type PresenceLimits,
  type PresencePage,
  type PresenceSource,
  PresenceTable,
  type PresentUser,
} from './presence-table.ts';
export { readKept } from './read-kept.ts';
export type { ReceivedFormats } from './receivers-of.ts';
export { KEY_LIFE, type KeptKey, type KeyTable, type KnownKey } from './repeat-keys.ts';
export type { FormerHold, Replay, ReplayExchange } from './replay.ts';
export type { Sequence } from './sequencer.ts';
export type { OtherNodes, Reach } from './shared-keeper.ts';
export type { Subscriber } from './subscriber.ts';
export { patternKey, patternOf, subscriptionKey } from './subscription-key.ts';
export type { WebSocketHold } from './websocket-hold.ts';
export type { WebSocketHoldOptions, WebSocketOwner } from './websocket-owner.ts';
