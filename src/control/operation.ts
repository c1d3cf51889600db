import type { z } from 'zod';
import type { ErrorCode, HeaderList, RequestHead } from '../exchange/index.ts';
import type { Caller } from './caller.ts';
import type { EventStream } from './event-stream.ts';

/**
 * Who may use an operation. `open`: anybody. `counters` and `publish`: anybody while no credentials are configured, else callers with the right.
 * `read`, `content` (contents of messages) and `admin`: callers with the right only, or over the unix socket.
 */
export type Access = 'open' | 'counters' | 'publish' | 'read' | 'content' | 'admin';

/** Methods of operations. A GET also answers HEAD. */
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** What one request asks of its operation, checked against the schemas. */
export interface Call<Query = unknown, Body = unknown> {
  /** The parts of the path in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  readonly request: RequestHead;
}

/** What an operation answers. */
export type Answer =
  | {
      readonly status: number;
      /** Absent for no body. */
      readonly json?: unknown;
      readonly headers?: HeaderList;
    }
  /** A stream of events: `open` is called with it, and what it returns once the stream has ended. */
  | { readonly open: (stream: EventStream) => () => void };

/** A kind of answer, for the OpenAPI document. */
export interface Response {
  readonly doc: string;
  /** Of the JSON body; absent for none. */
  readonly schema?: z.ZodType;
  /** The body is a stream of events (`text/event-stream`), each with `schema` as its data. */
  readonly events?: boolean;
}

/** One operation of the control API. The schemas validate requests and describe them in the OpenAPI document. */
export interface Operation {
  /** Names it in the OpenAPI document: `getStatus`. */
  readonly id: string;
  readonly method: Method;
  /** As `/channels/{name}/messages`: a part in braces takes one part of the path, decoded. */
  readonly path: string;
  readonly access: Access;
  /** Whether an open operation wants to know its caller all the same. Default: false. */
  readonly identifies?: boolean;
  readonly tag: string;
  /** One sentence. */
  readonly summary: string;
  /** What the parts in braces are. */
  readonly params?: Readonly<Record<string, string>>;
  /** Absent where the query is ignored. */
  readonly query?: z.ZodType;
  /** Of the JSON body; absent for none. */
  readonly body?: z.ZodType;
  /** By status. */
  readonly responses: Readonly<Record<number, Response>>;
  /** Errors that its callers get, besides those of their access and input. */
  readonly refusals?: readonly ErrorCode[];
  /** @throws OperationError for what the caller is told */
  handle(call: Call): Answer | Promise<Answer>;
}

/** An operation as it is written: `handle` gets what the schemas make of the request. */
type OperationOf<Query extends z.ZodType, Body extends z.ZodType> = Omit<Operation, 'query' | 'body' | 'handle'> & {
  readonly query?: Query;
  readonly body?: Body;
  readonly handle: (call: Call<z.output<Query>, z.output<Body>>) => Answer | Promise<Answer>;
};

/** Makes an operation. */
export function operation<Query extends z.ZodType, Body extends z.ZodType>(spec: OperationOf<Query, Body>): Operation {
  return spec as unknown as Operation;
}
