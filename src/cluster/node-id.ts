import { randomBytes } from 'node:crypto';

const ID = /^[\w-]{1,64}$/;

/** An id that no other node has, nor another part of this one: one token of a subject, of 12 characters. */
export function newNodeId(): string {
  return randomBytes(9).toString('base64url');
}

/** Whether a value that another node has sent can be such an id. */
export function isNodeId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}
