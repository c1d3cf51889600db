import { isCount, jsonObject } from './json-object.ts';
import { isNodeId } from './node-id.ts';

/** Why a node does not answer a question: it does not know such a question, has too many, its answer is too large, or it failed. */
export type Refusal = 'unknown' | 'busy' | 'too large' | 'failed';

const REFUSALS: readonly unknown[] = ['unknown', 'busy', 'too large', 'failed'] satisfies Refusal[];

/** A question to other nodes. What is at the top level of questions and answers stays as it is in all versions of the protocol. */
export interface NodeQuestion {
  /** Id of the node that asks. */
  readonly from: string;
  /** Number of the question at that node; 0 where no answer is wanted. */
  readonly number: number;
  /** What kind of question it is. */
  readonly about: string;
  readonly input: unknown;
}

/** What a node has answered. */
export interface NodeAnswer {
  /** Id of the node that answers. */
  readonly from: string;
  readonly number: number;
  /** Null for an answer. */
  readonly refused: Refusal | null;
  readonly value: unknown;
}

/** A question or an answer as a message. */
export function callMessage(call: NodeQuestion | NodeAnswer): Buffer {
  return Buffer.from(JSON.stringify(call));
}

/** The question in a message; null if it is malformed. */
export function questionOf(message: Uint8Array): NodeQuestion | null {
  const { from, number, about, input } = jsonObject(message) ?? {};
  if (!isNodeId(from) || !isCount(number) || typeof about !== 'string') return null;
  return { from, number, about, input };
}

/** The answer in a message; null if it is malformed. */
export function answerOf(message: Uint8Array): NodeAnswer | null {
  const { from, number, refused = null, value } = jsonObject(message) ?? {};
  if (!isNodeId(from) || !isCount(number) || (refused !== null && !REFUSALS.includes(refused))) return null;
  return { from, number, refused: refused as Refusal | null, value };
}
