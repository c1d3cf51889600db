export { type AccessRules, hasCredentials, type User } from './access-rules.ts';
export { type Caller, DEFAULT_ROLES, ROLES, type Role } from './caller.ts';
export { callerOfToken } from './caller-of-token.ts';
export type { Channel, ChannelDetails, ChannelPage, ChannelQuery, TappedItem } from './channel-schema.ts';
export type {
  Connection,
  ConnectionDetails,
  ConnectionPage,
  ConnectionsQuery,
  Disconnected,
} from './connection-schema.ts';
export { ControlApi } from './control-api.ts';
export type {
  CertificatesBackend,
  ChannelsBackend,
  ConnectionsBackend,
  ControlBackend,
  KeysBackend,
  RoutesBackend,
} from './control-backend.ts';
export { controlErrorText } from './control-error-text.ts';
export type { Publisher } from './control-publisher.ts';
export { controlReference } from './control-reference.ts';
export type { HistoryItem, HistoryPage, HistoryQuery } from './history-schema.ts';
export { metricsService } from './metrics-service.ts';
export {
  channelQuestionSchema,
  clientAnswerSchemas,
  clientQuestionSchema,
  countsSchema,
  idsSchema,
  nodeChannelsSchema,
  receiversQuestionSchema,
} from './node-question-schema.ts';
export type { ClusterNodes, ShownNode } from './node-schema.ts';
export type { Operation } from './operation.ts';
export { OperationError } from './operation-error.ts';
export { operationsOf } from './operations-of.ts';
export { CODED, PAGES, pageService } from './page-service.ts';
export type { PresencePage, PresenceQuery } from './presence-schema.ts';
export { type PublishServiceOptions, publishService } from './publish-service.ts';
export type { CertificateBody, Certificates, Keys, RouteState } from './route-schema.ts';
export type { Found, Scope } from './scope-schema.ts';
export type { Errors, Handlers, Outbound, ReloadErrors, Reloaded } from './server-schema.ts';
export { type KeptSession, Sessions } from './sessions.ts';
export type { Life, Status } from './status-schema.ts';
