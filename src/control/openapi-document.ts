import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../exchange/index.ts';
import type { Access, Response } from './operation.ts';
import { type Described, PUBLISH_DOCS } from './publish-docs.ts';

type Json = Record<string, unknown>;

/** An OpenAPI document (version 3.1). */
export interface OpenApiDocument extends Json {
  readonly openapi: string;
  readonly paths: Record<string, Json>;
}

const DESCRIPTION = `The control port of Holdfast, by default 127.0.0.1:5561.

Operations answer with JSON and refuse with \`{"error":{"code","message"}}\`; the reference of errors explains the codes. Times are ISO 8601 in UTC, durations seconds, sizes bytes.
Publishing and metrics are free as long as no credentials are configured. All else except health needs a role, or the unix socket of the control port, whose file permissions decide.`;

const TAGS: Readonly<Record<string, string>> = {
  health: 'For probes: no credentials are needed.',
  status: 'What the server is and does.',
  publishing: 'The publish endpoint of GRIP.',
  channels: 'Channels with their subscribers, and what is published to them.',
  connections: 'Clients of the proxy, and users.',
  routes: 'Where requests go.',
  certificates: 'Certificates of the listeners.',
  keys: 'Keys of routes and signatures.',
  configuration: 'What is in force, and how to read it again.',
  'life cycle': 'What changes the server as a whole.',
  session: 'For pages in a browser.',
};

const SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token signed with `bearer_key`. Its claim `role` or `scope` may name roles.',
  },
  basic: { type: 'http', scheme: 'basic', description: 'A name and a password of the configuration.' },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'holdfast_session_5561',
    description: 'The cookie of `POST /session`. Its name ends with the port.',
  },
};

/** A name for each of the errors that any operation may answer with, by status. */
const ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: { code: { type: 'string' }, message: { type: 'string' } },
    },
  },
};

/** Describes operations, and the paths that the publish endpoint has. @param version that of the program */
export function openApiDocument(operations: readonly Described[], version: string): OpenApiDocument {
  const all = [...PUBLISH_DOCS, ...operations];
  const paths: Record<string, Json> = {};
  for (const operation of all) {
    const at = paths[operation.path] ?? {};
    paths[operation.path] = at;
    at[operation.method.toLowerCase()] = describe(operation);
  }
  const tags = [...new Set(all.map(({ tag }) => tag))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast control API',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:5561' }],
    tags: tags.map((name) => ({ name, description: TAGS[name] })),
    paths,
    components: { securitySchemes: SCHEMES, schemas: { Error: ERROR_SCHEMA } },
  };
}

function describe(operation: Described): Json {
  const { id, summary, tag, access, body, responses, answers, takes = 'application/json' } = operation;
  const media = answers ?? 'application/json';
  const described: Json = Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [status, responseOf(response, media)]),
  );
  for (const [status, codes] of refusalsOf(operation)) {
    described[status] ??= {
      description: codes.map((code) => `\`${code}\`: ${ERRORS[code].text}`).join(' '),
      content:
        answers === undefined
          ? { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } }
          : { [answers]: { schema: { type: 'string' } } },
    };
  }
  const parameters = parametersOf(operation);
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { [takes]: { schema: schemaOf(body, 'input') } } },
    }),
    responses: described,
    security: securityOf(access),
    'x-role': access === 'content' ? 'read' : access,
  };
}

function responseOf({ doc, schema, events }: Response, media: string): Json {
  if (schema === undefined) return { description: doc };
  if (events !== true) return { description: doc, content: { [media]: { schema: openSchemaOf(schema) } } };
  // OpenAPI 3.1 cannot say what a stream consists of.
  const content = { schema: { type: 'string' }, 'x-event-data': openSchemaOf(schema) };
  return { description: doc, content: { 'text/event-stream': content } };
}

/** The errors of an operation by status. */
function refusalsOf({ access, method, body, query, refusals = [], answers }: Described): Map<number, ErrorCode[]> {
  const codes: ErrorCode[] = [...refusals];
  if (access !== 'open') codes.push('HF_CONTROL_CREDENTIALS', 'HF_CONTROL_ROLE', 'HF_LOGIN_RATE');
  if (access !== 'open' || method !== 'GET') codes.push('HF_CROSS_SITE', 'HF_CONTROL_HOST');
  if (answers === undefined && (body !== undefined || query !== undefined)) codes.push('HF_CONTROL_INVALID');
  if (answers === undefined && body !== undefined) codes.push('HF_BODY_TOO_LARGE', 'HF_CONTROL_MEDIA_TYPE');
  // Every path refuses other methods.
  codes.push('HF_CONTROL_METHOD');
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

function parametersOf({ params = {}, query }: Described): readonly Json[] {
  const inPath = Object.entries(params).map(([name, description]) => {
    return { name, in: 'path', required: true, description, schema: { type: 'string' } };
  });
  if (query === undefined) return inPath;
  const { properties = {} } = schemaOf(query, 'output') as { properties?: Record<string, Json> };
  const inQuery = Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = schema;
    return { name, in: 'query', description, schema: rest };
  });
  return [...inPath, ...inQuery];
}

function securityOf(access: Access): readonly Json[] {
  if (access === 'open') return [];
  const needed = Object.keys(SCHEMES).map((name) => ({ [name]: [] }));
  return access === 'publish' || access === 'counters' ? [{}, ...needed] : needed;
}

/** What an answer has. Later versions may add to it. */
function openSchemaOf(schema: z.ZodType): Json {
  const json = schemaOf(schema, 'output');
  open(json);
  return json;
}

function open(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const table = value as Json;
  if (table.additionalProperties === false) delete table.additionalProperties;
  for (const each of Object.values(table)) open(each);
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io });
  return json;
}
