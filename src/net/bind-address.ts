/** Where to listen: a TCP port (all interfaces when `host` is null; port 0 takes a free one) or a unix socket. */
export type ListenAddress = { readonly kind: 'tcp'; readonly host: string | null; readonly port: number } | UnixAddress;

/** A unix socket to listen on. */
export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
  /** Permission bits of the socket file; null leaves them to the umask. */
  readonly mode: number | null;
  /** Name or number of the owner; null leaves it. */
  readonly user: string | null;
  readonly group: string | null;
}
