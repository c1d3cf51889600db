import assert from 'node:assert/strict';

/** Checks that the files of a built dashboard that compress well are there in both codings. @param names by their paths below its folder */
export function assertCoded(names: readonly string[]): void {
  const large = names.filter((name) => /\.(?:html|css|js)$/.test(name));
  assert.ok(large.length >= 3, names.join());
  for (const name of large)
    for (const ending of ['.br', '.gz']) assert.ok(names.includes(name + ending), name + ending);
}
