/** Why items were not published. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  /** Status of the server's response; 0 if there was none. */
  readonly status: number;
  /**
   * Whether the server may have published the items nevertheless: the connection was lost after they were sent. Items that have ids can be
   * published again without harm, for servers take each id only once.
   */
  readonly maybePublished: boolean;

  constructor(message: string, status = 0, maybePublished = false, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.maybePublished = maybePublished;
  }
}
