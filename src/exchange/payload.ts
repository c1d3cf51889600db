/**
 * Bytes sent to many requesters: the first hop that needs an encoding makes it and keeps it here for the others, so that a fan-out costs one
 * encoding however many clients there are.
 */
export class Payload {
  readonly body: Buffer;
  /** How many published items `body` holds: several for one client in the same turn travel as one. */
  readonly items: number;
  /** When it is of no use any more, in milliseconds since 1970; 0 for never. */
  readonly expires: number;
  /** `body` as one HTTP/1.1 chunk (RFC 9112 §7.1); set by the first connection that writes it. */
  http1Chunk: Buffer | null = null;
  /** How many queues it waits in; set by whatever counts waiting bytes. */
  queued = 0;

  constructor(body: Buffer, items = 1, expires = 0) {
    this.body = body;
    this.items = items;
    this.expires = expires;
  }
}
