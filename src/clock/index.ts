export { DeadlineTimer } from './deadline-timer.ts';
export { attempt, fault, type Guarded, guarded, onUnhandledFault } from './guard.ts';
export { Ticker } from './ticker.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
export { type AtTurnEnd, TurnQueue } from './turn-queue.ts';
