import { formatAddress, type IpAddress, ipv4, ipv6, parseAddress, widthOf } from './ip-address.ts';

/** All addresses that start with the same bits. */
export interface IpBlock {
  readonly family: 4 | 6;
  /** Those bits, as a number of `length` bits. */
  readonly prefix: bigint;
  /** 0 to 32 or 128. */
  readonly length: number;
}

/** The block of the addresses whose first `length` bits are those of `address`. */
export function blockOf({ family, value }: IpAddress, length: number): IpBlock {
  return { family, prefix: value >> BigInt(widthOf(family) - length), length };
}

/**
 * Parses `ADDRESS/LENGTH`, written in full; for built-in tables.
 * @throws Error for anything else
 */
export function block(text: string): IpBlock {
  const slash = text.indexOf('/');
  const address = parseAddress(text.slice(0, slash));
  if (address === null) throw new Error(`not a block: ${text}`);
  return blockOf(address, Number(text.slice(slash + 1)));
}

/** Whether the address is in the block. Families never mix: `::/0` holds no IPv4 address. */
export function isInBlock({ family, value }: IpAddress, { family: its, prefix, length }: IpBlock): boolean {
  return family === its && value >> BigInt(widthOf(family) - length) === prefix;
}

/** The block as `parseBlock` and `block` read it. */
export function formatBlock({ family, prefix, length }: IpBlock): string {
  const value = prefix << BigInt(widthOf(family) - length);
  return `${formatAddress(family === 4 ? ipv4(value) : ipv6(value))}/${length}`;
}
