export { TimerWheel, WheelTimer } from './timer-wheel.ts';
