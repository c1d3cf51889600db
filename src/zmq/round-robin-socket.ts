import type { Pipe } from './pipe.ts';
import { RoundRobin } from './round-robin.ts';
import { ZmqSocket } from './zmq-socket.ts';

/** What PUSH, DEALER and REQ have in common (RFC 28, RFC 30): each message goes to one peer, in turn, or waits for one. */
export abstract class RoundRobinSocket extends ZmqSocket {
  protected readonly peers = new RoundRobin();

  protected override get keepsPipes(): boolean {
    return !this.options.immediate;
  }

  protected override attached(pipe: Pipe): void {
    this.peers.add(pipe);
  }

  protected override detached(pipe: Pipe): void {
    this.peers.remove(pipe);
  }
}
