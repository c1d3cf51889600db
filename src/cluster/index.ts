export { Broker } from './broker.ts';
export { BrokerError } from './broker-error.ts';
export { ClusterNode, type ClusterNodeOptions, type NodeClients } from './cluster-node.ts';
export { type BrokerReport, examineBroker } from './examine-broker.ts';
export type { NodeFacts } from './heartbeat.ts';
export type { NodeCalls } from './node-calls.ts';
export { nodeName } from './node-name.ts';
export type { KnownNode } from './node-registry.ts';
export { SharedStreams } from './resume/shared-streams.ts';
