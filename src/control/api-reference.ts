import type { OpenApiDocument } from './openapi-document.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document of JSON
type Json = any;

const HEAD = `# Control API

<!-- Made from the operations in src/control by apiReference(). -->

Every operation of the control port. \`GET /openapi.json\` of a server has the same as an OpenAPI document, with the operations of the parts that run there;
[openapi.json](openapi.json) has all of them. [Using the control API](../how-to/control.md) shows how to log in and what to do with it.`;

/** The reference of the control API in Markdown. */
export function apiReference(document: OpenApiDocument): string {
  const parts = [HEAD];
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Json>).map(([method, about]) => ({ path, method, about })),
  );
  for (const { name, description } of document.tags as Json[]) {
    parts.push(`## ${name[0].toUpperCase()}${name.slice(1)}`, description);
    for (const operation of operations.filter(({ about }) => about.tags[0] === name)) {
      parts.push(...operationParts(operation));
    }
  }
  return `${parts.join('\n\n')}\n`;
}

function operationParts({ path, method, about }: { path: string; method: string; about: Json }): string[] {
  const parts = [`### \`${method.toUpperCase()} ${path}\``, `${about.summary} ${roleText(about['x-role'])}`];
  const rows: string[] = (about.parameters ?? []).map((parameter: Json) => {
    const where = parameter.in === 'path' ? 'in the path' : 'in the query';
    return `| \`${parameter.name}\` | ${where} | ${typeText(parameter.schema)} | ${parameter.description ?? ''} |`;
  });
  const [takes = '', taken] = Object.entries<Json>(about.requestBody?.content ?? {})[0] ?? [];
  const body = takes === 'application/json' ? taken.schema : undefined;
  if (taken !== undefined && body === undefined) parts.push(`The body is ${taken.schema.description}.`);
  for (const [name, type, doc] of body === undefined ? [] : fieldsOf(body)) {
    rows.push(`| \`${name}\` | in the body | ${type} | ${doc} |`);
  }
  if (rows.length > 0) parts.push(['| name | where | value | meaning |', '|---|---|---|---|', ...rows].join('\n'));
  for (const [status, response] of Object.entries<Json>(about.responses)) {
    const [media, content] = Object.entries<Json>(response.content ?? {})[0] ?? [];
    if (Number(status) >= 400 && content?.schema.$ref !== undefined) continue;
    parts.push(`**${status}** ${response.description}`);
    const schema = media === 'text/event-stream' ? content['x-event-data'] : content?.schema;
    const fields = schema === undefined ? [] : fieldsOf(schema);
    if (fields.length === 0) continue;
    const lines = fields.map(([name, type, doc]) => `| \`${name}\` | ${type} | ${doc} |`);
    parts.push(['| field | value | meaning |', '|---|---|---|', ...lines].join('\n'));
  }
  const codes = Object.entries<Json>(about.responses)
    .filter(
      ([status, { content }]) => Number(status) >= 400 && content?.['application/json']?.schema.$ref !== undefined,
    )
    .flatMap(([status, { description }]) =>
      [...description.matchAll(/`(HF_\w+)`/g)].map(([, code]) => `\`${code}\` (${status})`),
    );
  if (codes.length > 0) parts.push(`Refusals: ${codes.join(', ')}.`);
  return parts;
}

function roleText(role: string): string {
  switch (role) {
    case 'open':
      return 'Anybody may.';
    case 'publish':
    case 'counters':
      return `Needs ${role === 'publish' ? 'the role `publish`' : 'any role'} where credentials are configured.`;
    default:
      return `Needs the role \`${role}\`.`;
  }
}

/** Names, types and descriptions of all fields, those of tables in tables with dots. */
function fieldsOf(schema: Json, prefix = ''): [string, string, string][] {
  if (schema.anyOf !== undefined && schema.type === undefined) {
    return schema.anyOf.flatMap((each: Json) => fieldsOf(each, prefix));
  }
  if (schema.type === 'array') return fieldsOf(schema.items ?? {}, `${prefix.replace(/\.$/, '')}[].`);
  const fields: [string, string, string][] = [];
  for (const [name, field] of Object.entries<Json>(schema.properties ?? {})) {
    const full = `${prefix}${name}`;
    fields.push([full, typeText(field), (field.description ?? '').replaceAll('|', '\\|')]);
    fields.push(...fieldsOf(field, `${full}.`));
  }
  const { additionalProperties: others } = schema;
  if (typeof others === 'object') fields.push(...fieldsOf(others, `${prefix}NAME.`));
  return fields;
}

function typeText(schema: Json): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) {
    const words = schema.enum.map((word: unknown) => `\`${word}\``).join(', ');
    return schema.default === undefined ? words : `${words}; default \`${schema.default}\``;
  }
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => typeText({ ...schema, type })).join(' or ');
  if (schema.type === 'array') return `list of ${plural(typeText(schema.items ?? {}))}`;
  if (schema.format === 'date-time') return 'time';
  const type =
    { integer: 'whole number', object: 'object', null: 'null' }[schema.type as string] ?? schema.type ?? 'any';
  const range =
    schema.type === 'integer' && schema.maximum < Number.MAX_SAFE_INTEGER
      ? ` from ${schema.minimum} to ${schema.maximum}`
      : '';
  return `${type}${range}${schema.default === undefined ? '' : `; default ${schema.default}`}`;
}

function plural(type: string): string {
  return /^[a-z ]+$/.test(type) ? `${type}s` : type;
}
