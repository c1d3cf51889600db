import { encodeHeaderText, type Instruct } from '../codec/grip/index.ts';

/** What the client of an instruct has of its channels, as values of `Grip-Last`. */
export function gripLastOf({ hold }: Instruct): readonly string[] {
  const gripLast: string[] = [];
  for (const { name, prevId } of hold?.channels ?? []) {
    if (prevId !== null) gripLast.push(encodeHeaderText(`${name}; last-id=${prevId}`));
  }
  return gripLast;
}
