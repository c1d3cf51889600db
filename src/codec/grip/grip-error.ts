/** A GRIP response of an origin that cannot be followed. */
export class GripError extends Error {
  override readonly name = 'GripError';

  /** @param detail tells the origin's developer what is wrong, and where */
  constructor(detail: string) {
    super(detail);
  }

  /** What is wrong, and where. */
  get detail(): string {
    return this.message;
  }
}

/** A publish request that is refused whole. The message is what the publisher is told, without a line end. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
}
