import type { Config } from '../config/index.ts';
import type { Handlers } from '../control/index.ts';
import type { EdgeLinks } from './edge-links.ts';

/**
 * The endpoints of the edge's handlers.
 * @param links those of this process
 * @param sessions open sessions of all processes
 */
export function handlersOf(edge: Config['edge'], links: EdgeLinks | null, sessions: number): Handlers['handlers'] {
  const modes = (['stream', 'req'] as const).filter((mode) => edge.listen.some((listener) => listener.mode === mode));
  return modes.map((mode) => ({
    endpoint: (mode === 'stream' ? edge.zclientStream : edge.zclientReq).join(' '),
    mode,
    connections: links?.byMode?.get(mode)?.handlers ?? null,
    sessions: modes.length === 1 ? sessions : null,
  }));
}
