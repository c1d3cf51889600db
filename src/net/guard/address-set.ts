import { GuardError } from './guard-error.ts';
import { parseAddress, widthOf, withoutZone } from './ip-address.ts';
import { blockOf, type IpBlock, isInBlock } from './ip-block.ts';
import { parseBlock } from './parse-block.ts';

/** Addresses and blocks of addresses that mean one thing together. */
export class AddressSet {
  readonly #blocks: readonly IpBlock[];

  /**
   * @param members addresses, or blocks as `parseBlock` reads them
   * @throws GuardError for anything else
   */
  constructor(members: readonly string[]) {
    this.#blocks = members.map(memberOf);
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  /** Whether the address is in the set. No other text is. */
  has(text: string): boolean {
    const address = parseAddress(withoutZone(text));
    return address !== null && this.#blocks.some((block) => isInBlock(address, block));
  }
}

function memberOf(text: string): IpBlock {
  if (text.includes('/')) return parseBlock(text);
  const address = parseAddress(text);
  if (address === null) {
    throw new GuardError(`${JSON.stringify(text)} is not an address: expected one such as 10.0.0.1 or 10.0.0.0/8`);
  }
  return blockOf(address, widthOf(address.family));
}
