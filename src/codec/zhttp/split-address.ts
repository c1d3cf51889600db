/** A published packet, taken apart. */
export interface AddressedPacket {
  /** Whom it is for, as latin1 text. */
  readonly address: string;
  /** The packet with its type byte, a view. */
  readonly payload: Buffer;
}

/**
 * Takes the address off a published packet: it ends at the first space, which is why no address holds one.
 * @returns null if there is no space
 */
export function splitAddress(frame: Buffer): AddressedPacket | null {
  const space = frame.indexOf(0x20);
  if (space < 0) return null;
  return { address: frame.toString('latin1', 0, space), payload: frame.subarray(space + 1) };
}
