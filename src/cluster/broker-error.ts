/** The broker cannot be used: the message says why, and what to do. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';

  constructor(reason: unknown, servers: readonly string[] = []) {
    const text = reason instanceof Error ? reason.message : String(reason);
    super(servers.length === 0 ? text : `broker ${servers.join(', ')}: ${text}`);
  }
}
