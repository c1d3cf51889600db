import { KeyReader, type Target } from '../../../../src/config/index.ts';
import { Counters, NO_RESPONDER, type Service } from '../../../../src/exchange/index.ts';
import type { RouteMeans } from '../../../../src/proxy/index.ts';

/** What routes are prepared with. Unless the test says otherwise, no target ever responds, and key files are empty. */
export function routeMeans(means: Partial<RouteMeans> = {}): RouteMeans {
  return {
    serviceOf: silent,
    webSocketServiceOf: () => () => NO_RESPONDER,
    keys: new KeyReader(() => ''),
    counters: new Counters(),
    ...means,
  };
}

function silent(_target: Target): Service {
  return () => NO_RESPONDER;
}
