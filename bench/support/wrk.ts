import type { Children } from './children.ts';

/** What wrk found. */
export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Responses other than 2xx and 3xx, and socket failures, in wrk's words. */
  readonly problems: readonly string[];
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/**
 * Sends GETs to one url from one thread, each as soon as the last response is complete, over keep-alive connections. With the
 * header `Connection: close` each takes a new connection, once the server has said that it closes the last one.
 */
export async function runWrk(
  children: Children,
  url: string,
  connections: number,
  seconds: number,
  headers: readonly string[] = [],
): Promise<Load> {
  const fields = headers.flatMap((header) => ['-H', header]);
  const args = ['--latency', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, ...fields, url];
  const output = await children.run('wrk', 'load', 'wrk', args);
  const field = (pattern: RegExp) => pattern.exec(output)?.[1] ?? '';
  const time = (percent: number) => {
    const found = new RegExp(`^\\s*${percent}%\\s+([\\d.]+)(\\w+)$`, 'm').exec(output);
    return Number(found?.[1]) * (MILLISECONDS[found?.[2] ?? ''] ?? Number.NaN);
  };
  const problems = output.match(/^ *(Non-2xx|Socket errors).*$/gm) ?? [];
  return {
    requests: Number(field(/^\s*(\d+) requests in/m)),
    perSecond: Number(field(/^Requests\/sec:\s+([\d.]+)$/m)),
    p50: time(50),
    p99: time(99),
    problems: problems.map((line) => `wrk: ${line.trim()}`),
  };
}
