import { MAX_REASON_BYTES } from '../websocket/index.ts';

/** As much of the reason of a close as a close frame may carry, cut between two characters (RFC 6455 §5.5). */
export function closeReason(reason: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of reason) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_REASON_BYTES) break;
    end += character.length;
  }
  return reason.slice(0, end);
}
