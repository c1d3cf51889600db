import { randomBytes } from 'node:crypto';

/** Characters of an epoch. */
export const EPOCH_LENGTH = 12;

/** The name of a run of numbers, which no other run has: 12 digits and letters. */
export function newEpoch(): string {
  return randomBytes(EPOCH_LENGTH / 2).toString('hex');
}
