/**
 * The arguments of a program. If one is missing, prints the usage and exits with code 2.
 * @param usage such as `stream.mjs BASE [SECONDS]`; words in brackets are optional
 */
export function commandLine(usage) {
  const names = usage.split(' ').slice(1);
  const required = names.filter((name) => !name.startsWith('[')).length;
  const values = process.argv.slice(2);
  if (values.length < required || values.length > names.length) {
    console.error(`usage: ${usage}`);
    process.exit(2);
  }
  return values;
}
