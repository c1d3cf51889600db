export { DeadlineTimer } from './deadline-timer.ts';
export { attempt, fault, type Guarded, guarded, onUnhandledFault } from './guarded.ts';
export { inSlices } from './in-slices.ts';
export { retryDelay } from './retry-delay.ts';
export { Spread } from './spread.ts';
export { Ticker } from './ticker.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
export {
  type AwaitsTurn,
  FREE_INPUTS,
  LARGE_INPUT,
  SHARE,
  SMALL_SHARE,
  TURN_TIME,
  TurnBudget,
  turnBudget,
} from './turn-budget.ts';
export { type AtTurnEnd, TurnQueue } from './turn-queue.ts';
