/** The port that an address or endpoint ends with, such as `127.0.0.1:PORT`. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
