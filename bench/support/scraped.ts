import type { Turn } from './rounds.ts';
import type { Server } from './servers.ts';

/** Milliseconds between two looks at the metrics: more often than Prometheus usually looks. */
const INTERVAL = 1_000;

/** Reads the metrics of a server once a second while a turn is measured. They must be there each time. */
export async function scraped(server: Server, measure: (server: Server) => Promise<Turn>): Promise<Turn> {
  const problems: string[] = [];
  let reads = 0;
  const read = async (): Promise<void> => {
    try {
      const response = await fetch(`http://127.0.0.1:${server.publishPort}/metrics`);
      await response.text();
      if (response.ok) reads++;
      // The turn stops its server itself, which refuses requests while it drains.
      else if (!server.child.stopping) problems.push(`the metrics have the status ${response.status}`);
    } catch (error) {
      if (!server.child.stopping) problems.push(`the metrics cannot be read: ${error}`);
    }
  };
  const timer = setInterval(read, INTERVAL);
  try {
    const turn = await measure(server);
    if (reads === 0) problems.push('the turn was too short: the metrics were never read');
    return { figures: turn.figures, problems: [...turn.problems, ...problems] };
  } finally {
    clearInterval(timer);
  }
}
