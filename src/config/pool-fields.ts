import { count, seconds } from './section-fields.ts';

/** How long idle connections to origins are kept, in the sections of both roles that have some. */
export const poolIdleTimeout = () =>
  seconds({
    default: 55,
    from: 0.1,
    to: 86_400,
    doc: 'Time that an idle connection to an origin is kept for the next request.',
  });

/** @param each what has them: origin, target */
export const poolMaxIdle = (each: string) =>
  count({
    default: 256,
    from: 0,
    to: 1_000_000,
    doc: `Maximum number of idle connections kept for each ${each}. With 0 every request gets a new connection.`,
  });
