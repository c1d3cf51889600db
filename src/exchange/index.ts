export { allFields } from './all-fields.ts';
export { BodyCollector } from './body-collector.ts';
export { type ClientNames, clientNames } from './client-names.ts';
export { ClusterCounters } from './cluster-counters.ts';
export { CounterRegistry, type CounterSnapshot, type CounterValues, isLevel } from './counter-registry.ts';
export { ControlCounters, Counters, OriginCounters, ServerCounters } from './counters.ts';
export { CreditedBody } from './credited-body.ts';
export { CreditedRequest } from './credited-request.ts';
export { CreditedResponse } from './credited-response.ts';
export { type Current, Holder } from './current.ts';
export { type ErrorCount, ErrorCounts, errorCounts } from './error-counts.ts';
export { type ErrorResponse, errorResponse, respond, textResponse } from './error-response.ts';
export { ERRORS, type ErrorCause, type ErrorCode, type ErrorFace, ExchangeError } from './errors.ts';
export {
  type HeaderList,
  NO_OWN_FIELDS,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  type Service,
  UNKNOWN_LENGTH,
  WINDOW,
} from './exchange.ts';
export {
  type ExchangeObserver,
  ExchangeRecord,
  type RecordedRequest,
  type RecordedSpan,
  type RecordState,
  type SpanState,
} from './exchange-record.ts';
export { ExchangeRelay, type RelayState } from './exchange-relay.ts';
export { hasExpired } from './has-expired.ts';
export { type ByteHolder, HeldTotal } from './held-total.ts';
export { Histogram } from './histogram.ts';
export { internalError } from './internal-error.ts';
export { JoinedMessages } from './joined-messages.ts';
export { LEAST_COST } from './least-cost.ts';
export { LineRate, OUTAGE_LINES } from './line-rate.ts';
export { type Log, type LogWrite, silentLog } from './log.ts';
export { MessagePayload } from './message-payload.ts';
export { type Labels, MetricsText } from './metrics-text.ts';
export { NO_RESPONDER } from './no-responder.ts';
export { compact, ownCopy } from './own-bytes.ts';
export { Payload } from './payload.ts';
export type { Peer } from './peer.ts';
export { type Buckets, bucketsBetween, quantile } from './quantile.ts';
export type { RawClient, RawOwner, RawReader, RawService } from './raw-client.ts';
export { RelayChain } from './relay-chain.ts';
export { type FaultReport, reportFault } from './report-fault.ts';
export { RouteStats, RouteStatsTable } from './route-stats.ts';
export { shownTarget } from './shown-target.ts';
export { stackOf } from './stack-of.ts';
export type { PartState, Suspended } from './suspended.ts';
export { systemErrorText } from './system-error-text.ts';
export { TokenBucket } from './token-bucket.ts';
export type { WebSocketRequester, WebSocketResponder, WebSocketService } from './websocket.ts';
export { syncFolder, writePrivately } from './write-privately.ts';
