import { fc } from './properties.ts';

/** Input of the case documents with some changes: a piece in place of up to three bytes, at up to `most` places. */
export function mutants(
  cases: readonly { readonly input: Buffer }[],
  piece: fc.Arbitrary<string>,
  most: number,
): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...cases),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(3), piece), { maxLength: most }),
    )
    .map(([{ input }, changes]) =>
      changes.reduce((text, [at, length, inserted]) => {
        const start = Math.floor(at * text.length);
        return text.slice(0, start) + inserted + text.slice(start + length);
      }, input.toString('latin1')),
    );
}
