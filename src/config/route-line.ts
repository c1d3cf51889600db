import { ConfigError, keyName, type PathIssue, textError } from './config-error.ts';
import { schemaIssues } from './issues.ts';
import { LOG_LEVELS } from './log-level.ts';
import { shown } from './plain-text.ts';
import { AS_PATH_ALONE, type Route, routeSchema, routeShape } from './route.ts';
import { type Property, type RouteSection, splitRouteLine } from './route-grammar.ts';
import { unknownRouteName } from './route-names.ts';
import { routeTables } from './route-tables.ts';
import { TARGET_PROPERTIES } from './target.ts';

/** Keys of a `[[route]]` that are properties of the condition in a route line. */
const PROPERTIES = Object.keys(routeShape).filter(
  (name) => name !== 'host' && name !== 'targets' && !Object.hasOwn(routeTables, name),
);

/** Properties that are on when named, and take no value. */
const FLAGS = PROPERTIES.filter(
  (name) => routeShape[name as keyof typeof routeShape].safeParse(undefined).data === false,
);

/**
 * Parses a route in Pushpin's notation: `CONDITION TARGET [TARGET…]`, as in `example.com,path_beg=/api localhost:8000`.
 * Throws a `ConfigError` whose keys are those of a `[[route]]`. Unlike in Pushpin, an unknown property is an error, unless it is to be
 * `ignored`.
 * @param ignored called for each property that is left out, because it is unknown or has no effect
 */
export function parseRouteLine(line: string, ignored: ((message: string) => void) | null = null): Route {
  const [condition, ...targets] = splitRouteLine(line).map((section, index) =>
    ignored === null ? section : withoutUnknown(section, index === 0 ? PROPERTIES : TARGET_PROPERTIES, ignored),
  );
  if (condition === undefined || targets.length === 0) {
    throw textError('expected a condition and at least one target, such as "* localhost:8000"');
  }
  const issues: PathIssue[] = [];
  const table = new Map<string, unknown>();
  for (const property of condition.properties) readProperty(property, table, issues);
  for (const [index, target] of targets.entries()) findMisplaced(target, index, issues);
  table.set('host', condition.value).set(
    'targets',
    targets.map((target) => target.text),
  );
  if (ignored !== null && table.has('sockjs_as_path') && !table.has('sockjs')) {
    table.delete('sockjs_as_path');
    ignored(`sockjs_as_path ${AS_PATH_ALONE}`);
  }
  const result = routeSchema.safeParse(Object.fromEntries(table));
  if (result.success && issues.length === 0) return result.data;
  for (const issue of result.success ? [] : schemaIssues(result.error)) {
    // Notation errors are already reported.
    if (!issues.some((earlier) => keyName(issue.path).startsWith(keyName(earlier.path)))) issues.push(issue);
  }
  throw new ConfigError(
    '',
    issues.map(({ path, message }) => ({ key: keyName(path), line: null, message })),
  );
}

/** The section without the properties that nobody knows, as Pushpin reads it. */
function withoutUnknown(
  section: RouteSection,
  known: readonly string[],
  ignored: (message: string) => void,
): RouteSection {
  const properties = section.properties.filter(({ name }) => {
    const unknown = !known.includes(name);
    if (unknown) ignored(misplacedName(name) ?? unknownRouteName(name, known, `property ${shown(name)}`));
    return !unknown;
  });
  if (properties.length === section.properties.length) return section;
  const items = properties.map(({ name, value }) => (value === null ? name : `${name}=${value}`));
  const text = [section.value, ...items].map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',');
  return { text, value: section.value, properties };
}

/** Says where a property belongs that is unknown where it stands; null if it is unknown everywhere. */
function misplacedName(name: string): string | null {
  if (PROPERTIES.includes(name)) return `property "${name}" belongs to the condition: write it before the first target`;
  if (TARGET_PROPERTIES.includes(name)) return `property "${name}" belongs to a target: write it after the address`;
  return null;
}

/** Adds the property to the table, with the value that it would have in TOML. */
function readProperty({ name, value }: Property, table: Map<string, unknown>, issues: PathIssue[]): void {
  const problem = (message: string) => issues.push({ path: [name], message });
  if (!PROPERTIES.includes(name)) {
    if (name === 'host') problem('the host comes first, without a name; to send the origin another Host, use as_host');
    else if (Object.hasOwn(routeTables, name))
      problem(`has no form in a route line: write [[route]] and [route.${name}]`);
    else if (TARGET_PROPERTIES.includes(name)) problem('belongs to a target: write it after the address');
    else problem(unknownRouteName(name, PROPERTIES, 'property'));
  } else if (name === 'header') {
    readHeader(value ?? '', table, issues);
  } else if (table.has(name)) {
    problem('is given twice');
  } else if (FLAGS.includes(name)) {
    if (value === null) table.set(name, true);
    else problem(`is a switch and takes no value: write "${name}" to turn it on, or leave it out`);
  } else if (value === null || (value === '' && name !== 'replace_beg')) {
    problem(`needs a value, as in "${name}=…"`);
  } else if (name === 'ssl' && value !== 'yes' && value !== 'no') {
    problem(`expected yes or no, got ${shown(value)}`);
  } else {
    table.set(name, propertyValue(name, value));
  }
}

function propertyValue(name: string, value: string): unknown {
  if (name === 'ssl') return value === 'yes';
  if (name === 'log_level' && /^[0-9]{1,9}$/.test(value)) {
    return LOG_LEVELS[Math.min(Number(value), LOG_LEVELS.length - 1)];
  }
  if (name === 'path_rem' && /^[0-9]{1,9}$/.test(value)) return Number(value);
  return value;
}

function readHeader(text: string, table: Map<string, unknown>, issues: PathIssue[]): void {
  const colon = text.indexOf(':');
  if (colon === -1) {
    issues.push({ path: ['header'], message: 'expected "header=NAME:VALUE"' });
    return;
  }
  const name = text.slice(0, colon).trim();
  const fields = new Map(Object.entries((table.get('header') ?? {}) as Record<string, string>));
  if (fields.has(name)) issues.push({ path: ['header', name], message: 'is given twice' });
  table.set('header', Object.fromEntries(fields.set(name, text.slice(colon + 1).trim())));
}

function findMisplaced(target: RouteSection, index: number, issues: PathIssue[]): void {
  const misplaced = target.properties.find(({ name }) => PROPERTIES.includes(name) && name !== 'ssl');
  if (misplaced === undefined) return;
  const message = `"${misplaced.name}" belongs to the condition: write it before the first target`;
  issues.push({ path: ['targets', index], message });
}
