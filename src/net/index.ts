export { DeadlineTimer } from './deadline-timer.ts';
export { dial, dialUnix } from './dial.ts';
export {
  DialError,
  type DialErrorKind,
  type Dialler,
  type Dialling,
  type DialSink,
  type DialTarget,
  type TlsClientSettings,
} from './dialler.ts';
export { Guard, type GuardRules, type Verdict } from './guard/guard.ts';
export { KEEP_ALIVE_DELAY } from './keep-alive.ts';
export { type ListenAddress, type Listener, listen } from './listen.ts';
export type { Resolver } from './resolver.ts';
export { TimerWheel, WheelTimer } from './timer-wheel.ts';
export { DEFAULT_TLS_LIMITS, type TlsFailure, type TlsSettings } from './tls-acceptor.ts';
export { TlsIdentities, type TlsIdentitiesOptions } from './tls-identities.ts';
