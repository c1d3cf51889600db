import type { Status } from '../control/index.ts';
import { countText } from './number-texts.ts';

/** Says what the process before has given to this one, and what it does now. */
export function replacedText({ pid, state, moved }: NonNullable<Status['replaced']>): string {
  if (state === 'giving') return `process ${pid} gives its connections: ${countText(moved)} so far`;
  const now = state === 'ended' ? 'has ended' : 'finishes what could not move';
  const connections = moved === 1 ? '1 connection has' : `${countText(moved)} connections have`;
  return `${connections} moved from process ${pid}, which ${now}`;
}
