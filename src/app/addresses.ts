/** Where each role of the program can be reached: `127.0.0.1:7999`, `unix:/path`, or the endpoint of a ZeroMQ socket. Filled as the roles start. */
export class Addresses {
  readonly clients: string[] = [];
  /** For edges that are other programs. */
  readonly zhttp: string[] = [];
  /** Of the control port, where publishers connect. */
  readonly control: string[] = [];
  /** For publishers that use ZeroMQ. */
  readonly publish: string[] = [];
  /** For a session state service. */
  readonly state: string[] = [];
  /** Where Prometheus gets Pushpin's metrics, and where stats packets are published. */
  readonly stats: string[] = [];
  /** For clients of the edge. */
  readonly edge: string[] = [];
  /** For clients of the Mongrel2 servers. */
  readonly mongrel2: string[] = [];
  /** At which outbound requests are asked for. */
  readonly fetch: string[] = [];
}
