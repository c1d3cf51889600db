const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** A number and its unit, which are shown in different sizes. */
export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

export const UNKNOWN: Quantity = { value: '–', unit: '' };

/** `12,345`. */
export function count(value: number | null | undefined): string {
  return typeof value === 'number' ? WHOLE.format(value) : UNKNOWN.value;
}

/** `12.3K` for the marks of a plot. */
export function compact(value: number): string {
  return COMPACT.format(value);
}

/** A number as a quantity. */
export function plain(value: number | null | undefined): Quantity {
  return { value: count(value), unit: '' };
}

/** `123` or `4.5`, a second. */
export function rate(value: number | null | undefined): Quantity {
  if (typeof value !== 'number') return UNKNOWN;
  return { value: (value < 100 ? TENTHS : WHOLE).format(value), unit: '/s' };
}

/** `340 µs`, `12.5 ms`, `3.2 s`. */
export function duration(seconds: number | null | undefined): Quantity {
  if (typeof seconds !== 'number') return UNKNOWN;
  if (seconds === 0) return { value: '0', unit: 'ms' };
  if (seconds < 0.001) return { value: WHOLE.format(seconds * 1e6), unit: 'µs' };
  if (seconds < 1) return { value: (seconds < 0.1 ? TENTHS : WHOLE).format(seconds * 1e3), unit: 'ms' };
  return { value: TENTHS.format(seconds), unit: 's' };
}

/** `512 B`, `48.2 MB`. */
export function bytes(value: number | null | undefined): Quantity {
  if (typeof value !== 'number') return UNKNOWN;
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let step = 0;
  let left = value;
  while (left >= 1000 && step < units.length - 1) {
    left /= 1000;
    step++;
  }
  return { value: (left < 100 && step > 0 ? TENTHS : WHOLE).format(left), unit: units[step] as string };
}

/** A quantity in one text: `48.2 MB`. */
export function text({ value, unit }: Quantity): string {
  if (unit === '') return value;
  return unit.startsWith('/') ? value + unit : `${value} ${unit}`;
}

/** `4 d 3 h`, `2 h 5 min`, `42 s`: the two largest units. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([number]) => number > 0);
  return shown.map(([number, unit]) => `${number} ${unit}`).join(' ');
}

/** Clock time where the reader is: `14:05:09`. */
export function clock(time: Date): string {
  return CLOCK.format(time);
}

/** How long ago a time of the server is: `3 min ago`. */
export function ago(iso: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds)) return UNKNOWN.value;
  if (seconds < 5) return 'just now';
  const [largest = ''] = /^\d+ \S+/.exec(span(seconds)) ?? [];
  return `${largest} ago`;
}

/** Control characters, line separators, marks of writing direction, and what has no width. Emoji and some scripts need U+200C and U+200D. */
const UNSEEN = /[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/**
 * A text with what cannot be seen, or would change the order of what is seen, made visible: control characters as their pictures, others
 * by number. Names of channels and messages come from anybody.
 * @param kept characters that stay as they are, such as the ends of lines
 */
export function visible(value: string, kept = ''): string {
  return wellFormed(value).replace(UNSEEN, (character) => {
    if (kept.includes(character)) return character;
    const code = character.codePointAt(0) as number;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '␡';
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** A text without halves of surrogate pairs, which JSON may have and which no URL can. */
export function wellFormed(value: string): string {
  return value.replace(/\p{Surrogate}/gu, '\ufffd');
}
