/** First digits of ceilings whose halves are short too. */
const DIGITS = [1, 2, 3, 4, 5, 6, 8, 10];

/** The upper end of an axis for values up to `high`: a number that is short to write, and so is its half. 1 if there are no values. */
export function ceilingOf(high: number | null): number {
  if (high === null || !(high > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(high));
  const digit = DIGITS.find((candidate) => candidate * power >= high) ?? 10;
  // 3 * 0.1 is a little more than 0.3.
  return Number((digit * power).toPrecision(2));
}
