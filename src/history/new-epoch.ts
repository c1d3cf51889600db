import { randomBytes } from 'node:crypto';

/** The name of a run of numbers, which no other run has: 12 digits and letters. */
export function newEpoch(): string {
  return randomBytes(6).toString('hex');
}
