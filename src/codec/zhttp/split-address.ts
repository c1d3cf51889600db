/** A published packet, split. */
export interface AddressedPacket {
  /** Address of the receiver, as latin1 text. */
  readonly address: string;
  /** The packet with its type byte, a view. */
  readonly payload: Buffer;
}

/**
 * Splits the address off a published packet. It ends at the first space, so addresses contain no spaces.
 * @returns null if there is no space
 */
export function splitAddress(frame: Buffer): AddressedPacket | null {
  const space = frame.indexOf(0x20);
  if (space < 0) return null;
  return { address: frame.toString('latin1', 0, space), payload: frame.subarray(space + 1) };
}
