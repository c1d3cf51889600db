/** A copy that keeps nothing alive but its own bytes: a view keeps all that was read with it. */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** `bytes`, in memory of their own if they would keep alive more than twice their size. */
export function compact(bytes: Buffer): Buffer {
  return bytes.length * 2 >= bytes.buffer.byteLength ? bytes : ownCopy(bytes);
}
