import { readFileSync } from 'node:fs';

/** Files that a process has open besides its clients' connections: libraries, listeners, connections to an origin. */
const OTHERS = 200;

/**
 * Throws if one process may not hold that many connections. Node raises its own limit to the hard one, and what it starts
 * inherits that.
 */
export function requireOpenFiles(connections: number): void {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  const needed = connections + OTHERS;
  if (soft < needed) throw new Error(`a process may open ${soft} files here, ${needed} are needed: raise ulimit -Hn`);
}
