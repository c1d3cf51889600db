/** How requests are checked. */
export interface GripOptions {
  /**
   * The key that verifies `Grip-Sig`: text or bytes of a secret, `base64:…`, or a public key in PEM; several while keys change. Without one a
   * request counts as that of a proxy when it has the field at all, which anybody can send.
   */
  readonly key?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The issuer that signatures must name. Default: any. */
  readonly issuer?: string;
  /** Answers requests that do not come through a GRIP proxy with a 501. Default: false. */
  readonly required?: boolean;
  /**
   * Bytes of a request with WebSocket events.
   * @bound grip-origin-body
   */
  readonly maxBodyBytes?: number;
}

/** Default of `maxBodyBytes`. */
export const MAX_BODY_BYTES = 1_048_576;
