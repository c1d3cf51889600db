import { formatAddress, type IpAddress, ipv4, ipv6 } from './ip-address.ts';
import { block, isInBlock } from './ip-block.ts';

/** One of the addresses that rules are applied to before an address is dialled. */
export interface Form {
  readonly address: IpAddress;
  /** Its canonical text. */
  readonly text: string;
  /** How it follows from the dialled address, such as `6to4`; empty for that address itself. */
  readonly via: string;
  /**
   * Whether packets to the dialled address arrive at this one and nowhere else. Then a rule that allows this one allows the other. All other
   * forms can only deny: anybody can choose an interface identifier that contains an allowed address.
   */
  readonly same: boolean;
}

const NAT64 = block('64:ff9b::/96');
const LOCAL_NAT64 = block('64:ff9b:1::/48');
const COMPATIBLE = block('::/96');
const TRANSLATED = block('::ffff:0:0:0/96');
const SIX_TO_FOUR = block('2002::/16');
const TEREDO = block('2001::/32');

/** RFC 5214 §6.1: an interface identifier, universal bit set or not, followed by the IPv4 address. */
const ISATAP_LOCAL = 0x0000_5efen;
const ISATAP_UNIVERSAL = 0x0200_5efen;

const LOOPBACK4 = ipv4(0x7f00_0001n);
const LOOPBACK6 = ipv6(1n);
const IPV4_BITS = 0xffff_ffffn;

/** The address itself, first, and all that it embeds or stands for, without duplicates. */
export function forms(address: IpAddress): readonly Form[] {
  const found = [form(address, '', true)];
  if (address.family === 4) addLoopback(found, address);
  else addEmbedded(found, address);
  return found;
}

function addEmbedded(found: Form[], address: IpAddress): void {
  const { value } = address;
  const last = value & IPV4_BITS;
  if (value === 0n) add(found, form(LOOPBACK6, 'the unspecified address', true));
  // RFC 6052 §2.2 for prefixes of 96 bits. If a network divides the local prefix differently, no IPv4 rule allows its addresses.
  if (isInBlock(address, NAT64)) addIpv4(found, last, 'NAT64', true);
  if (isInBlock(address, LOCAL_NAT64)) addIpv4(found, last, 'NAT64', false);
  // RFC 4291 §2.5.5.1; `::1` lies in the block and is the loopback address.
  if (isInBlock(address, COMPATIBLE) && value !== 1n) addIpv4(found, last, 'IPv4-compatible', false);
  // RFC 2765 §2.1.
  if (isInBlock(address, TRANSLATED)) addIpv4(found, last, 'IPv4-translated', false);
  // RFC 3056 §2: the 32 bits after the prefix are the router that the packet is sent to.
  if (isInBlock(address, SIX_TO_FOUR)) addIpv4(found, (value >> 80n) & IPV4_BITS, '6to4', false);
  if (isInBlock(address, TEREDO)) {
    // RFC 4380 §4: server, flags, and port and address of the client's NAT with every bit inverted.
    addIpv4(found, (value >> 64n) & IPV4_BITS, 'the Teredo server', false);
    addIpv4(found, last ^ IPV4_BITS, 'the Teredo client', false);
  }
  const identifier = (value >> 32n) & IPV4_BITS;
  if (identifier === ISATAP_LOCAL || identifier === ISATAP_UNIVERSAL) addIpv4(found, last, 'ISATAP', false);
}

function addIpv4(found: Form[], value: bigint, via: string, same: boolean): void {
  const address = ipv4(value);
  add(found, form(address, via, same));
  addLoopback(found, address, via, same);
}

/** A connection to 0.0.0.0 arrives at 127.0.0.1, one to `::` at ::1 (on an IPv4 socket, at 127.0.0.1 again). */
function addLoopback(found: Form[], { value }: IpAddress, via = 'the unspecified address', same = true): void {
  if (value === 0n) add(found, form(LOOPBACK4, via, same));
}

function add(found: Form[], added: Form): void {
  if (!found.some(({ text }) => text === added.text)) found.push(added);
}

function form(address: IpAddress, via: string, same: boolean): Form {
  return { address, text: formatAddress(address), via, same };
}
