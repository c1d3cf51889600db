/** Which characters an item of a pattern takes: 1 at the code of each. Codes above 255 do not occur in paths and hosts, and no set has them. */
export type CharacterSet = Uint8Array;

const CODES = 256;

/** The classes of the C locale, by their letter. */
const CLASSES: ReadonlyMap<string, CharacterSet> = new Map([
  ['a', ranges('AZ', 'az')],
  ['c', ranges('\x00\x1f', '\x7f\x7f')],
  ['d', ranges('09')],
  ['l', ranges('az')],
  ['p', ranges('!/', ':@', '[`', '{~')],
  ['s', ranges('\t\r', '  ')],
  ['u', ranges('AZ')],
  ['w', ranges('09', 'AZ', 'az')],
  ['x', ranges('09', 'AF', 'af')],
  ['z', ranges('\x00\x00')],
]);

/** The set of every character. */
export function anyCharacter(): CharacterSet {
  return new Uint8Array(CODES).fill(1);
}

export function oneCharacter(char: string): CharacterSet {
  return ranges(char + char);
}

/** What `\` and `letter` stand for: a class, its opposite for a capital, or the character itself. */
export function escapedSet(letter: string): CharacterSet {
  const lower = letter.toLowerCase();
  const known = CLASSES.get(lower);
  if (known === undefined) return oneCharacter(letter);
  return lower === letter ? known : opposite(known);
}

/** The characters from the first to the second one of each text. */
export function ranges(...pairs: readonly string[]): CharacterSet {
  const set = new Uint8Array(CODES);
  for (const pair of pairs) set.fill(1, pair.charCodeAt(0), pair.charCodeAt(1) + 1);
  return set;
}

export function opposite(set: CharacterSet): CharacterSet {
  return set.map((member) => 1 - member);
}

/** The set of what is in any of `sets`. */
export function union(sets: readonly CharacterSet[]): CharacterSet {
  return new Uint8Array(CODES).map((_, code) => (sets.some((set) => set[code] === 1) ? 1 : 0));
}

/** The set with both cases of each letter that it has. */
export function inAnyCase(set: CharacterSet): CharacterSet {
  return set.map((member, code) => {
    const char = String.fromCharCode(code);
    const lower = char.toLowerCase().charCodeAt(0);
    const upper = char.toUpperCase().charCodeAt(0);
    return code < 128 && (set[lower] === 1 || set[upper] === 1) ? 1 : member;
  });
}
