/** Content that is not encoded as it should be. The message goes on after `it is`. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
}
