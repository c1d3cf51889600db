export { DeadlineTimer } from './deadline-timer.ts';
export { FlushQueue } from './flush-queue.ts';
export { Ticker } from './ticker.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
