/** The broker cannot be used: the message says why, and what to do. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';

  /** What is wrong, without the servers that it is about. */
  readonly reason: string;

  constructor(cause: unknown, servers: readonly string[] = []) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(servers.length === 0 ? reason : `broker ${servers.join(', ')}: ${reason}`);
    this.reason = reason;
  }
}
