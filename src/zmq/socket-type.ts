/** Socket types, as named in the handshake. */
export type SocketType = 'PUSH' | 'PULL' | 'PUB' | 'SUB' | 'XPUB' | 'ROUTER' | 'DEALER' | 'REQ' | 'REP';

/** RFC 23, "The Socket-Type Property": who may talk to whom. There is no XSUB here, but peers may use it. */
const PEERS: Readonly<Record<SocketType, readonly string[]>> = {
  PUSH: ['PULL'],
  PULL: ['PUSH'],
  PUB: ['SUB', 'XSUB'],
  XPUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
  ROUTER: ['REQ', 'DEALER', 'ROUTER'],
  DEALER: ['REP', 'DEALER', 'ROUTER'],
  REQ: ['REP', 'ROUTER'],
  REP: ['REQ', 'DEALER'],
};

/** Whether a socket of type `ours` can talk to one of type `theirs`. */
export function fits(ours: SocketType, theirs: string): boolean {
  return PEERS[ours].includes(theirs);
}

/** Whether the handshake tells the peer our identity: only a ROUTER uses it. */
export function tellsIdentity(type: SocketType): boolean {
  return PEERS[type].includes('ROUTER');
}
