import type { TestContext } from 'node:test';
import { findPeer, installCommand, type Machine, peerNamed, thisMachine } from '../../scripts/peers.mjs';

/** Path of the command or file of a peer that `test/peers.json` lists, or null if this machine does not have it. */
export function peer(name: string, machine: Machine = thisMachine()): string | null {
  return findPeer(peerNamed(name), machine);
}

/**
 * As `peer`, for a test that cannot do without: in CI it throws when the peer is missing; elsewhere it marks the test as
 * skipped, with the command that installs the peer, and returns null, upon which the test returns.
 */
export function requirePeer(
  t: Pick<TestContext, 'skip'>,
  name: string,
  machine: Machine = thisMachine(),
): string | null {
  const path = peer(name, machine);
  if (path !== null) return path;
  const message = `${name} is missing; to install: ${installCommand([peerNamed(name)])}`;
  if (machine.ci) throw new Error(message);
  t.skip(message);
  return null;
}
