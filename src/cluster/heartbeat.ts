import { OLDEST_PROTOCOL, PROTOCOL } from './item-message.ts';
import { isCount, jsonObject, objectOf } from './json-object.ts';
import { isNodeId } from './node-id.ts';

/**
 * Bytes of a heartbeat.
 * @bound node-heartbeat
 */
export const MAX_HEARTBEAT = 8_192;

/** Characters of a name or a version. */
const MAX_TEXT = 256;

/** What a node does. */
export type NodeState = 'ready' | 'draining';

/** What changes while a node runs. */
export interface NodeFacts {
  readonly state: NodeState;
  /** Open connections of clients. */
  readonly connections: number;
  /** Channels and patterns with a subscriber. */
  readonly channels: number;
  /** Items that were published at this node so far. */
  readonly published: number;
  /** Items that clients of this node got so far. */
  readonly delivered: number;
  /** A hash of the rules of channels, which are to be the same on all nodes. */
  readonly rules: string;
  /** Whether it counts the users of channels. */
  readonly presence: boolean;
}

/** What a node says of itself, once a second. */
export interface Heartbeat {
  readonly protocol: number;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** When it was started: milliseconds of its clock since 1970. */
  readonly started: number;
  /** Null for a node whose protocol is not understood here. */
  readonly facts: NodeFacts | null;
  /** It stops. */
  readonly leaves: boolean;
}

/** A heartbeat as a message. What is at its top level stays as it is in all versions of the protocol. */
export function encodeHeartbeat(heartbeat: Omit<Heartbeat, 'protocol'>): Buffer {
  return Buffer.from(JSON.stringify({ protocol: PROTOCOL, oldest: OLDEST_PROTOCOL, ...heartbeat }));
}

/** The heartbeat in a message; null if it is malformed or too long. */
export function heartbeatOf(message: Uint8Array): Heartbeat | null {
  if (message.length > MAX_HEARTBEAT) return null;
  const value = jsonObject(message);
  if (value === null) return null;
  const { protocol, oldest, id, name, version, started, facts, leaves } = value;
  if (!isCount(protocol) || !isCount(oldest) || !isCount(started) || typeof leaves !== 'boolean') return null;
  if (!isNodeId(id) || !isText(name) || !isText(version)) return null;
  const own = { protocol, id, name, version, started, leaves };
  if (oldest > PROTOCOL || protocol < OLDEST_PROTOCOL) return { ...own, facts: null };
  const understood = factsOf(facts);
  return understood === null ? null : { ...own, facts: understood };
}

function factsOf(value: unknown): NodeFacts | null {
  const { state, connections, channels, published, delivered, rules, presence } = objectOf(value) ?? {};
  if (state !== 'ready' && state !== 'draining') return null;
  if (!isCount(connections) || !isCount(channels) || !isCount(published) || !isCount(delivered)) return null;
  if (!isText(rules) || typeof presence !== 'boolean') return null;
  return { state, connections, channels, published, delivered, rules, presence };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}
