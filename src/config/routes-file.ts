import { ConfigError, type ConfigIssue } from './config-error.ts';
import { checkRoutes, type Route } from './route.ts';
import { splitRouteLine } from './route-grammar.ts';
import { parseRouteLine } from './route-line.ts';

/** The content of a routes file. */
export interface RoutesFile {
  readonly routes: readonly Route[];
  /** The line of each route, from 1. */
  readonly lines: readonly number[];
  /** Lines that are no routes, or that could never be chosen, and are not among the routes; and unknown properties, which have no effect. */
  readonly issues: readonly ConfigIssue[];
}

/** Reads a routes file in Pushpin's notation: a route on each line, with comments after `#`. Lines with an error are left out. */
export function parseRoutesFile(text: string): RoutesFile {
  const issues: ConfigIssue[] = [];
  const routes: Route[] = [];
  const lines: number[] = [];
  text.split(/\r?\n/).forEach((content, index) => {
    const line = index + 1;
    try {
      if (splitRouteLine(content).length === 0) return;
      const ignored = (message: string) => issues.push({ key: '', line, message });
      routes.push(parseRouteLine(content, ignored));
      lines.push(line);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...error.issues.map((issue) => ({ ...issue, line })));
    }
  });
  const left = new Set<number>();
  for (const { index, key, message } of checkRoutes(routes)) {
    issues.push({ key, line: lines[index] ?? null, message });
    left.add(index);
  }
  issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const isKept = (_entry: unknown, index: number) => !left.has(index);
  return { routes: routes.filter(isKept), lines: lines.filter(isKept), issues };
}
