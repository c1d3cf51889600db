import type { CallGuard } from '../../src/codec/calls/index.ts';

/** Guards nothing: what a callback throws fails the test. */
export const unguarded: CallGuard = (call) => call;
