import type { Config, KeyReader } from '../config/index.ts';
import { SiteRoutes } from '../mongrel2/index.ts';

/** Finds hosts and routes of Mongrel2 servers that cannot be matched. The issues go to `reader`. */
export function checkSites({ edge }: Config, reader: KeyReader): void {
  for (const [index, { hosts, defaultHost }] of edge.mongrel2.entries()) {
    const path = ['edge', 'mongrel2', index, 'host'];
    const before = reader.issues.length;
    for (const [at, host] of hosts.entries()) reader.attempt([...path, at], () => new SiteRoutes([host], ''));
    // What is wrong with one of them would be found again among all.
    if (reader.issues.length === before) reader.attempt(path, () => new SiteRoutes(hosts, defaultHost));
  }
}
