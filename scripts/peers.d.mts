/** A program of others that tests or benches talk to. */
export interface Peer {
  readonly name: string;
  readonly for: 'test' | 'bench';
  /** Commands, or absolute paths of files, any of which proves that the peer is there. */
  readonly proof: readonly string[];
  /** Debian's package. */
  readonly apt: string;
}

/** What matters of the machine we run on. */
export interface Machine {
  /** Folders of commands. */
  readonly path: readonly string[];
  /** Path of apt-get if it is there and we may use it, else null. */
  readonly aptGet: string | null;
  readonly ci: boolean;
}

export function peersFor(use: Peer['for']): Peer[];
export function peerNamed(name: string): Peer;
export function thisMachine(): Machine;
export function findPeer(peer: Peer, machine: Machine): string | null;
export function installCommand(peers: readonly Peer[]): string;
export function ensurePeers(peers: readonly Peer[], machine: Machine): boolean;
