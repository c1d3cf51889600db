import { z } from 'zod';
import { type OpenApiDocument, openApiDocument } from './openapi-document.ts';
import { type Operation, operation } from './operation.ts';

/** Serves the description of these operations and of itself. It is made when somebody asks for the first time. */
export function documentOperation(operations: readonly Operation[], version: string): Operation {
  let document: OpenApiDocument | null = null;
  const own: Operation = operation({
    id: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    access: 'open',
    tag: 'status',
    summary: 'This description, as an OpenAPI document.',
    responses: { 200: { doc: 'The document.', schema: z.looseObject({ openapi: z.string() }) } },
    handle: () => {
      document ??= openApiDocument([...operations, own], version);
      return { status: 200, json: document };
    },
  });
  return own;
}
