/** What the log calls a client by. */
export interface ClientNames {
  /** Its connection, and the request on it. */
  readonly id: string;
  /** As `RequestHead.requestId`; empty, or absent, for none. */
  readonly requestId?: string;
}

/** The fields of a record that name a client. */
export function clientNames({ id, requestId = '' }: ClientNames): ClientNames {
  return requestId === '' ? { id } : { id, requestId };
}
