/** Where a client's connection comes from. `address` is empty for a unix socket. */
export interface Peer {
  readonly address: string;
  /** 0 if it is not known. */
  readonly port: number;
  /** The trusted proxy whose connection it is, which has told the client's address. */
  readonly proxy?: Peer;
  /** SHA-1 of the certificate that the client has shown, valid or not, in hexadecimal digits with capitals. Absent without one. */
  readonly certificateSha1?: string;
}
