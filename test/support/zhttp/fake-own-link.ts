import type { Part } from '../../../src/codec/zmtp/index.ts';
import { UNKNOWN } from '../../../src/zhttp/index.ts';
import type { OwnLink } from '../../../src/zhttp-client/index.ts';
import { FakeHandlerLink } from './fake-handler-link.ts';

/** A link of which the test says what waits there, and which handlers are connected. */
export class FakeOwnLink extends FakeHandlerLink implements OwnLink {
  readonly sockets = [];
  /** Whether packets of handlers are taken. */
  takesInput = true;
  retries = 0;
  waitingRequests: (readonly [id: string, packet: Buffer])[] = [];
  unreached: (readonly [address: string, packets: readonly Part[]])[] = [];

  pauseInput(): void {
    this.takesInput = false;
  }

  resumeInput(): void {
    this.takesInput = true;
  }

  takeRequests(): readonly (readonly [id: string, packet: Buffer])[] {
    return this.waitingRequests.splice(0);
  }

  takeUnreached(): readonly (readonly [address: string, packets: readonly Part[]])[] {
    return this.unreached.splice(0);
  }

  retry(): void {
    this.retries++;
  }

  /** The handler is not connected here any more. */
  disconnect(address: string): void {
    this.reaches.set(address, UNKNOWN);
  }
}
