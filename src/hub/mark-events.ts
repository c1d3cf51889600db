import { CR, endOfLine, IdLine, LF } from '../codec/event-stream/index.ts';
import { cursorBeginning } from '../history/index.ts';

const COLON = 0x3a;
const [LETTER_I, LETTER_D] = [0x69, 0x64];

/** What becomes of the events of an item. */
interface Marking {
  /** What stays of the content, as views of it; null for all of it. */
  readonly kept: readonly Buffer[] | null;
  /** Where in the content the id belongs; -1 for nowhere. */
  readonly place: number;
}

/**
 * Writes a cursor into the events of an item (HTML Living Standard §9.2.5): the last whole event gets it as its `id`, so that a client has it when it has
 * all of the item. Without a whole event what there is of one gets it. Comments are no events. `id` lines of the publisher are left out.
 * @param number of the item; 0 for none: then it gets no cursor
 * @returns the content itself where nothing changes
 */
export function markEvents(content: Buffer, epoch: string, number: number): Buffer {
  const marking = markingOf(content);
  if (marking.kept === null && (number === 0 || marking.place < 0)) return content;
  const line = lineOf(epoch);
  const marked = Buffer.allocUnsafe(content.length + line.maxLength);
  return marked.subarray(0, put(marked, 0, content, marking, line, number));
}

/** An item and its number. */
interface Numbered {
  readonly payload: { readonly body: Buffer };
  readonly number: number;
}

/** What `markEvents` makes of several items, in one piece. */
export function markAll(items: readonly Numbered[], epoch: string): Buffer {
  const line = lineOf(epoch);
  let size = items.length * line.maxLength;
  for (const { payload } of items) size += payload.body.length;
  const marked = Buffer.allocUnsafe(size);
  let end = 0;
  for (const { payload, number } of items) end = put(marked, end, payload.body, markingOf(payload.body), line, number);
  return marked.subarray(0, end);
}

let known = { epoch: '', line: new IdLine(cursorBeginning('')) };

/** The line that the ids of an epoch are written into: all of them, one after the other. */
function lineOf(epoch: string): IdLine {
  if (known.epoch !== epoch) known = { epoch, line: new IdLine(cursorBeginning(epoch)) };
  return known.line;
}

/** Puts a marked content at `at`. Returns where it ends. */
function put(out: Buffer, at: number, content: Buffer, { kept, place }: Marking, line: IdLine, number: number): number {
  const id = number === 0 || place < 0 ? 0 : line.write(number);
  let end = at;
  if (kept !== null) {
    const pieces = id === 0 ? kept : withLine(kept, content.byteOffset + place, line.bytes.subarray(0, id));
    for (const piece of pieces) {
      out.set(piece, end);
      end += piece.length;
    }
    return end;
  }
  out.set(content, at);
  if (id === 0) return at + content.length;
  end += place;
  for (let i = 0; i < id; i++) out[end++] = line.bytes[i] as number;
  // What is behind the line again: mostly the empty line only.
  for (let i = place; i < content.length; i++) out[end++] = content[i] as number;
  return end;
}

function markingOf(content: Buffer): Marking {
  const { length } = content;
  const hasCr = content.indexOf(CR) >= 0;
  let kept: Buffer[] | null = null;
  /** What comes from here on stays. */
  let run = 0;
  /** Where the id of the last whole event belongs: before the empty line. -1 without one. */
  let place = -1;
  /** The first field of an event that is not whole; -1 without one. */
  let open = -1;
  for (let at = 0; at < length; ) {
    const end = endOfLine(content, at, hasCr);
    let next = end + 1;
    if (content[end] === CR && content[next] === LF) next++;
    if (next > length) next = length;
    if (end === at) {
      if (open >= 0) place = at;
      open = -1;
    } else if (content[at] !== COLON) {
      if (isId(content, at, end)) {
        kept ??= [];
        if (at > run) kept.push(content.subarray(run, at));
        run = next;
        if (open < 0) open = next;
      } else if (open < 0) {
        open = at;
      }
    }
    at = next;
  }
  if (kept !== null && run < length) kept.push(content.subarray(run, length));
  return { kept, place: place >= 0 ? place : open };
}

/** Puts a line in at a place of the content that the pieces are views of. */
function withLine(pieces: readonly Buffer[], place: number, line: Buffer): readonly Buffer[] {
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
