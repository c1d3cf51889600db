import { z } from 'zod';
import { isHeaderHidden, isHidden } from './is-hidden.ts';
import { type Route, routeSchema, routeShape } from './route.ts';
import { routeTables } from './route-tables.ts';

type Table = Record<string, unknown>;

const plain: Table = z.encode(routeSchema, routeSchema.parse({ host: '*', targets: ['localhost:1'] }));

/** In the place of a secret. */
const HIDDEN = '(hidden)';

/**
 * The route as a line of a routes file, for people: what a line cannot say, such as the table `jwt`, is a property with the name alone, and
 * secrets are hidden.
 */
export function routeLineText(route: Route): string {
  const table: Table = z.encode(routeSchema, route);
  const condition = [quoted(String(table.host))];
  for (const [name, schema] of Object.entries(routeShape)) {
    const value = table[name];
    if (name === 'host' || name === 'targets' || isPlain(value, plain[name])) continue;
    if (name === 'header') {
      for (const [field, content] of Object.entries(value as Table))
        condition.push(quoted(`header=${field}:${isHeaderHidden(content) ? HIDDEN : ''}`));
    } else if (value === true && name !== 'ssl') {
      condition.push(name);
    } else if (Object.hasOwn(routeTables, name)) {
      condition.push(name);
    } else {
      condition.push(quoted(`${name}=${isHidden(schema, value) ? HIDDEN : valueText(name, value)}`));
    }
  }
  return [condition.join(','), ...(table.targets as string[])].join(' ');
}

function isPlain(value: unknown, preset: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(preset);
}

function valueText(name: string, value: unknown): string {
  if (name === 'ssl') return value === true ? 'yes' : 'no';
  return String(value);
}

function quoted(text: string): string {
  return /[\s,"#\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}
