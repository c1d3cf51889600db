export { DeadlineTimer } from './deadline-timer.ts';
export { dial, dialUnix } from './dial.ts';
export { type ListenAddress, type Listener, listen } from './listen.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
