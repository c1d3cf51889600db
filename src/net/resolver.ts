/** Looks up host names. */
export interface Resolver {
  /**
   * The addresses of `host` in order of preference (RFC 6724), never an empty list. An IP literal, without brackets, is its own address.
   * @param family 4 for IPv4 only, 0 for both
   * @throws DialError `resolve` when the name has no address, or the lookup fails
   */
  resolve(host: string, family: 0 | 4): Promise<readonly string[]>;
}
