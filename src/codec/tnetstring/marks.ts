/** The byte between the length of an element and its data. */
export const COLON = 0x3a;

/** The byte after an element's data that gives its type. */
export const BYTES = 0x2c;
export const INTEGER = 0x23;
export const FLOAT = 0x5e;
export const BOOLEAN = 0x21;
export const NULL = 0x7e;
export const MAP = 0x7d;
export const LIST = 0x5d;

/** Digits of a length. More would mean lengths beyond any Buffer, or endless leading zeros. */
export const MAX_LENGTH_DIGITS = 9;
