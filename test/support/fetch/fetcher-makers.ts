import type { TestContext } from 'node:test';
import { requirePeer } from '../peers.ts';
import { type RunningFetcher, startCondureClient, startZurl } from './fetcher.ts';

/** One of the programs that make requests for others: ours in two roles, and those whose roles they are. */
export interface FetcherMaker {
  readonly name: string;
  /** The peer that has to be installed; null for ours. */
  readonly peer: string | null;
  start(t: TestContext, command: string | null): Promise<RunningFetcher>;
}

export const FETCHERS: readonly FetcherMaker[] = [
  { name: 'holdfast zurl', peer: null, start: (t) => startZurl(t) },
  { name: 'zurl', peer: 'zurl', start: (t, command) => startZurl(t, [], command) },
  { name: 'holdfast condure', peer: null, start: (t) => startCondureClient(t) },
  { name: 'condure', peer: 'condure', start: (t, command) => startCondureClient(t, [], command) },
];

/** A program of that kind; null if it is a peer that this machine does not have, upon which the test is over. */
export async function startFetcher(t: TestContext, maker: FetcherMaker): Promise<RunningFetcher | null> {
  const command = maker.peer === null ? null : requirePeer(t, maker.peer);
  if (maker.peer !== null && command === null) return null;
  return maker.start(t, command);
}
