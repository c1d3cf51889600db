import type { Mongrel2Settings } from '../config/index.ts';
import type { RawClient } from '../exchange/index.ts';

/** When a client was last active. Times are by the wheel's clock, in milliseconds. */
export class ConnectionActivity {
  /** Of the last request or message of the client, and of the last byte read and written. */
  pingAt: number;
  readAt: number;
  writtenAt: number;
  /** When it was looked at last, and the bytes that had been read and written by then. */
  #lookedAt: number;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(now: number) {
    this.pingAt = now;
    this.readAt = now;
    this.writtenAt = now;
    this.#lookedAt = now;
  }

  /** The client has sent a request or message. */
  onRead(now: number): void {
    this.pingAt = now;
    this.readAt = now;
  }

  /**
   * Looks whether bytes have moved since the last look. Those of requests and answers have their time already; of all others, as those of bodies,
   * this is the time.
   */
  look({ bytesRead, bytesWritten }: RawClient, now: number): void {
    if (bytesRead !== this.bytesRead && this.readAt <= this.#lookedAt) this.readAt = now;
    if (bytesWritten !== this.bytesWritten && this.writtenAt <= this.#lookedAt) this.writtenAt = now;
    this.bytesRead = bytesRead;
    this.bytesWritten = bytesWritten;
    this.#lookedAt = now;
  }

  /** How many of the tests of an active client it fails (reference §3.3), as of the last look. A limit of 0 is no test. */
  failedTests({ minPing, minReadRate, minWriteRate }: Mongrel2Settings): number {
    const now = this.#lookedAt;
    let failed = 0;
    if (minPing > 0 && now - this.pingAt > minPing * 1_000) failed++;
    if (minReadRate > 0 && rate(this.bytesRead, now - this.readAt) < minReadRate) failed++;
    if (minWriteRate > 0 && rate(this.bytesWritten, now - this.writtenAt) < minWriteRate) failed++;
    return failed;
  }
}

/** Bytes per second, over at least one second. */
function rate(bytes: number, milliseconds: number): number {
  return bytes / Math.max(1, milliseconds / 1_000);
}
