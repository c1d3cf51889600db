/** What the configuration decides about the publish endpoint. */
export interface ControlSettings {
  /**
   * Bytes that a request body may have. They are kept until it is complete, and until it is the publisher's turn.
   * @bound control-bodies
   */
  readonly maxBodyBytes: number;
  /** Names, in lower case, under which publishers address the control port, besides localhost and IP addresses; `*` for any. */
  readonly hosts: readonly string[];
  /** Origins, in lower case, of web pages that may publish. */
  readonly origins: readonly string[];
  /** Publish requests a second; 0 for no limit. */
  readonly requestRate: number;
}
