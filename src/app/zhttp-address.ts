/** An id of the configuration as it stands in packets: its UTF-8 bytes, one latin1 character each. */
export function zhttpAddress(id: string): string {
  return Buffer.from(id).toString('latin1');
}
