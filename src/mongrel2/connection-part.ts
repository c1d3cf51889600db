/** What goes on at a connection beside requests and answers: an upload, a WebSocket. */
export interface ConnectionPart {
  /** A handler takes so many bytes more of an upload. Returns false if it is none that needs them. */
  grant(bytes: number): boolean;
  /** The connection ends. */
  end(): void;
}
