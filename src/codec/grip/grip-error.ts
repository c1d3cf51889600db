import { InputError } from '../input-error/index.ts';

/** A GRIP response of an origin that cannot be followed. */
export class GripError extends InputError {
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

/** A publish request that is refused whole. The message for the publisher is one line. */
export class PublishError extends InputError {
  override readonly name: string = 'PublishError';
}

/** A publish request with an item that is larger than it may be. */
export class OversizedItemError extends PublishError {
  override readonly name = 'OversizedItemError';

  /** @param most bytes of an item at most, and who says so */
  constructor(channel: string, most: string) {
    super(`The item for ${channel} is too large: ${most}.`);
  }
}

/** A publish request with an idempotency key that was used for other content. */
export class ReusedKeyError extends PublishError {
  override readonly name = 'ReusedKeyError';

  /** @param owner whose key it is */
  constructor(owner: string) {
    super(`The idempotency key of ${owner} was used for other content.`);
  }
}
