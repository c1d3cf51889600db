import type { z } from 'zod';
import { channelShape } from './channel-rule.ts';
import type { PathIssue } from './config-error.ts';
import { mongrel2Keys } from './mongrel2-text.ts';
import { routeShape } from './route.ts';
import { unknownRouteName } from './route-names.ts';
import { routeTables } from './route-tables.ts';
import { sections } from './schema.ts';
import { suggestion } from './suggest.ts';
import { webhookShape } from './webhook.ts';

/** The issues of a failed validation, one per key. */
export function schemaIssues(error: z.ZodError): PathIssue[] {
  return error.issues.flatMap((issue): PathIssue[] => {
    if (issue.code === 'custom') return [{ path: issue.path, message: issue.message, ...issue.params }];
    if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }];
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: unknownKey(issue.path, key) }));
  });
}

function unknownKey(path: readonly PropertyKey[], key: string): string {
  const [section, , inRoute] = path;
  const ofMongrel2 = mongrel2Keys(path);
  if (ofMongrel2 !== null) return `unknown key${suggestion(key, ofMongrel2)}`;
  if (section === 'route' && Object.hasOwn(routeTables, inRoute ?? '')) {
    const shape = routeTables[inRoute as keyof typeof routeTables];
    return `unknown key${suggestion(key, Object.keys(shape))}`;
  }
  if (section === 'route') return unknownRouteName(key, Object.keys(routeShape), 'key');
  if (section === 'channel') return `unknown key${suggestion(key, Object.keys(channelShape))}`;
  if (section === 'webhook') return `unknown key${suggestion(key, Object.keys(webhookShape))}`;
  const own =
    section === undefined ? [...Object.keys(sections), 'channel', 'webhook', 'route'] : keysOf(String(section));
  const near = suggestion(key, own);
  const other = Object.keys(sections).find((name) => keysOf(name).includes(key));
  const elsewhere = near === '' && other !== undefined ? `; it belongs to [${other}]` : '';
  return `unknown ${section === undefined ? 'section or ' : ''}key${near}${elsewhere}`;
}

function keysOf(section: string): string[] {
  return Object.entries(sections).flatMap(([name, { shape }]) => (name === section ? Object.keys(shape) : []));
}
