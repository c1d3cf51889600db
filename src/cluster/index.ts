export { Broker } from './broker.ts';
export { BrokerError } from './broker-error.ts';
export { ClusterNode, type ClusterNodeOptions, type NodeClients } from './cluster-node.ts';
export { nodeName } from './node-name.ts';
export { SharedStreams } from './shared-streams.ts';
