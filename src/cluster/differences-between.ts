/** How something at the broker differs from what is wanted, for people; empty if it does not. Compares the keys of `wanted`. */
export function differencesBetween<Key extends string>(
  is: Readonly<Record<Key, unknown>>,
  wanted: Readonly<Record<Key, unknown>>,
): readonly string[] {
  return (Object.keys(wanted) as Key[]).flatMap((key) => {
    const [value, wants] = [is[key], wanted[key]];
    if (value === wants) return [];
    return `${key} is ${value === undefined ? 'not set' : JSON.stringify(value)}, not ${JSON.stringify(wants)}`;
  });
}
