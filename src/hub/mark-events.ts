const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const [LETTER_I, LETTER_D] = [0x69, 0x64];

/**
 * Writes a cursor into the events of an item (HTML Living Standard §9.2.5): the last whole event gets it as its `id`, so that a client has it when it has
 * all of the item. Without a whole event what there is of one gets it. Comments are no events. `id` lines of the publisher are left out.
 * @param cursor null: only that
 * @returns the content itself where nothing changes
 */
export function markEvents(content: Buffer, cursor: string | null): Buffer {
  const { length } = content;
  const pieces: Buffer[] = [];
  /** What comes from here on is still to be copied. */
  let run = 0;
  /** Where the id of the last whole event belongs: before the empty line. -1 without one. */
  let place = -1;
  /** The first field of an event that is not whole; -1 without one. */
  let open = -1;
  for (let at = 0; at < length; ) {
    let end = at;
    while (end < length && content[end] !== LF && content[end] !== CR) end++;
    let next = end + 1;
    if (content[end] === CR && content[next] === LF) next++;
    if (next > length) next = length;
    if (end === at) {
      if (open >= 0) place = at;
      open = -1;
    } else if (content[at] !== COLON) {
      if (isId(content, at, end)) {
        if (at > run) pieces.push(content.subarray(run, at));
        run = next;
        if (open < 0) open = next;
      } else if (open < 0) {
        open = at;
      }
    }
    at = next;
  }
  const wanted = cursor === null ? -1 : place >= 0 ? place : open;
  if (pieces.length === 0 && run === 0) return wanted < 0 ? content : withLineAt(content, wanted, `id: ${cursor}\n`);
  if (run < length) pieces.push(content.subarray(run, length));
  if (wanted < 0) return Buffer.concat(pieces);
  return Buffer.concat(withLine(pieces, content.byteOffset + wanted, Buffer.from(`id: ${cursor}\n`)));
}

/** The same where nothing is left out, as in most items: one copy. @param line in ASCII */
function withLineAt(content: Buffer, place: number, line: string): Buffer {
  const marked = Buffer.allocUnsafe(content.length + line.length);
  marked.set(content);
  marked.write(line, place, 'latin1');
  // Mostly the empty line only.
  for (let at = place; at < content.length; at++) marked[at + line.length] = content[at] as number;
  return marked;
}

/** Puts a line in at a place of the content that the pieces are views of. */
function withLine(pieces: readonly Buffer[], place: number, line: Buffer): Buffer[] {
  const index = pieces.findIndex(({ byteOffset, length }) => place <= byteOffset + length);
  if (index < 0) return [...pieces, line];
  const piece = pieces[index] as Buffer;
  const cut = Math.max(0, place - piece.byteOffset);
  return [...pieces.slice(0, index), piece.subarray(0, cut), line, piece.subarray(cut), ...pieces.slice(index + 1)];
}

function isId(content: Buffer, at: number, end: number): boolean {
  if (content[at] !== LETTER_I || content[at + 1] !== LETTER_D) return false;
  return end === at + 2 || content[at + 2] === COLON;
}
