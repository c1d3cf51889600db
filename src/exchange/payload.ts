/**
 * Bytes that are sent to many requesters: each encoding is made by the first hop that needs it, and kept here for the others,
 * so that a fan-out costs one encoding however many clients there are.
 */
export class Payload {
  readonly body: Buffer;
  /** How many published items `body` holds: several for one client that waited in the same turn travel as one. */
  readonly items: number;
  /** `body` as one HTTP/1.1 chunk (RFC 9112 §7.1); set by the first connection that writes it. */
  http1Chunk: Buffer | null = null;
  /** In how many queues it waits; set by those who count the bytes that wait. */
  queued = 0;

  constructor(body: Buffer, items = 1) {
    this.body = body;
    this.items = items;
  }
}
