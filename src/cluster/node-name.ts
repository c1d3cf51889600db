import { hostname } from 'node:os';
import { newNodeId } from './node-id.ts';

/** Who a node is. */
export interface NodeName {
  /** For people: two nodes may have the same one. */
  readonly name: string;
  /** Of this run of the node: one token of a subject, which no other node has. */
  readonly id: string;
}

/** @param name that of the configuration; empty for that of the host */
export function nodeName(name: string): NodeName {
  return { name: name === '' ? hostname() : name, id: newNodeId() };
}
