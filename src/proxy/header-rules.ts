import type { Config } from '../config/index.ts';

/** How `X-Forwarded-For` is changed. */
export type ForwardedFor = Config['proxy']['xForwardedFor'];

/** How requests are changed on their way to any origin. */
export interface HeaderRules {
  readonly acceptPushpinRoute: boolean;
  readonly acceptXForwardedProtocol: boolean;
  readonly setXForwardedProtocol: 'proto-only' | 'true' | 'false';
  readonly xForwardedFor: ForwardedFor;
  readonly xForwardedForTrusted: ForwardedFor;
  readonly cdnLoop: string;
  readonly via: boolean;
}
