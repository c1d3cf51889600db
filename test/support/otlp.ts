import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { turn } from './manual-clock.ts';

/** A span as a collector understands it. */
export interface DecodedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for none. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: ReadonlyMap<string, string | number>;
  /** 0 for unset, 2 for an error. */
  readonly status: number;
}

/** A request for spans as a collector understands it. */
export interface DecodedSpans {
  readonly resource: ReadonlyMap<string, string | number>;
  readonly spans: readonly DecodedSpan[];
}

/**
 * Reads an ExportTraceServiceRequest in JSON as strictly as the specification of OTLP allows: ids in hex, 64-bit numbers as text, enums as numbers, and no field
 * that is not of the message.
 */
export function decodeSpans(body: string): DecodedSpans {
  const { resourceSpans } = exactly(JSON.parse(body), ['resourceSpans'], []);
  const [resourceSpan, ...more] = list(resourceSpans);
  assert.equal(more.length, 0);
  const { resource, scopeSpans } = exactly(resourceSpan, ['resource', 'scopeSpans'], []);
  const { attributes } = exactly(resource, ['attributes'], []);
  const [scopeSpan, ...others] = list(scopeSpans);
  assert.equal(others.length, 0);
  const { scope, spans } = exactly(scopeSpan, ['scope', 'spans'], []);
  const { name, version } = exactly(scope, ['name', 'version'], []);
  text(name, /^holdfast$/);
  text(version, /^\d+\.\d+\.\d+/);
  return { resource: attributesOf(attributes), spans: list(spans).map(decodeSpan) };
}

const REQUIRED = ['traceId', 'spanId', 'flags', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano', 'attributes'];

function decodeSpan(value: unknown): DecodedSpan {
  const span = exactly(value, REQUIRED, ['parentSpanId', 'traceState', 'status']);
  const { parentSpanId, traceState, status, flags, kind } = span;
  assert.ok(flags === 0x101 || flags === 0x301);
  assert.equal(flags === 0x301, parentSpanId !== undefined, 'whether the parent is remote');
  assert.ok(kind === 2 || kind === 3);
  const start = BigInt(text(span.startTimeUnixNano, /^[1-9]\d{18}$/));
  const end = BigInt(text(span.endTimeUnixNano, /^[1-9]\d{18}$/));
  assert.ok(end >= start);
  return {
    traceId: id(span.traceId, 32),
    spanId: id(span.spanId, 16),
    parentSpanId: parentSpanId === undefined ? '' : id(parentSpanId, 16),
    traceState: traceState === undefined ? '' : text(traceState, /^[\x20-\x7e]+$/),
    name: text(span.name, /./),
    kind,
    start,
    end,
    attributes: attributesOf(span.attributes),
    status: status === undefined ? 0 : statusOf(status),
  };
}

function statusOf(value: unknown): number {
  const { code } = exactly(value, ['code'], ['message']);
  assert.equal(code, 2);
  return code as number;
}

function attributesOf(value: unknown): Map<string, string | number> {
  const attributes = new Map<string, string | number>();
  for (const each of list(value)) {
    const { key, value: wrapped } = exactly(each, ['key', 'value'], []);
    const name = text(key, /^[a-z0-9_.]+$/);
    assert.ok(!attributes.has(name), `${name} is there twice`);
    attributes.set(name, unwrapped(wrapped));
  }
  return attributes;
}

function unwrapped(wrapped: unknown): string | number {
  const [[kind, value], ...more] = Object.entries(wrapped as object) as [[string, unknown]];
  assert.equal(more.length, 0);
  switch (kind) {
    case 'stringValue':
      return text(value, /^[\s\S]+$/);
    case 'intValue':
      return Number(text(value, /^-?\d{1,19}$/));
    case 'doubleValue':
      assert.ok(Number.isFinite(value));
      return value as number;
    default:
      return assert.fail(`${kind} is no kind of value`);
  }
}

function exactly(value: unknown, required: readonly string[], optional: readonly string[]): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
  const keys = Object.keys(value);
  for (const key of required) assert.ok(keys.includes(key), `${key} is missing`);
  for (const key of keys)
    assert.ok(required.includes(key) || optional.includes(key), `${key} is not a field of the message`);
  return value as Record<string, unknown>;
}

function list(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}

function text(value: unknown, pattern: RegExp): string {
  assert.equal(typeof value, 'string');
  assert.match(value as string, pattern);
  return value as string;
}

function id(value: unknown, length: number): string {
  const digits = text(value, /^[0-9a-f]+$/);
  assert.equal(digits.length, length);
  assert.notEqual(digits, '0'.repeat(length));
  return digits;
}

/** What a collector does with a request in place of taking it. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A collector on loopback that takes spans, unless it is told to do something else. */
export class Collector {
  /** Its URL, without a path. */
  readonly url: string;
  /** Requests so far, those that were not taken included. */
  requests: IncomingMessage[] = [];
  readonly taken: DecodedSpans[] = [];
  /** What the next requests get, in their order. */
  readonly answers: Answer[] = [];

  private constructor(url: string) {
    this.url = url;
  }

  /** Starts one, which ends with the test. */
  static async start(t: TestContext): Promise<Collector> {
    const server = createServer((request, response) => void collector.#serve(request, response));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const collector = new Collector(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return collector;
  }

  get spans(): DecodedSpan[] {
    return this.taken.flatMap(({ spans }) => spans);
  }

  /** The first span for which `fits` holds, now or later. */
  async span(fits: (span: DecodedSpan) => boolean = () => true): Promise<DecodedSpan> {
    for (;;) {
      const found = this.spans.find(fits);
      if (found !== undefined) return found;
      await turn();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(request);
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const answer = this.answers.shift();
    if (answer !== undefined) {
      answer(request, response);
      return;
    }
    try {
      assert.equal(request.method, 'POST');
      assert.equal(request.headers['content-type'], 'application/json');
      this.taken.push(decodeSpans(body));
      response.setHeader('Content-Type', 'application/json').end('{}');
    } catch (error) {
      response.writeHead(400).end(String(error));
      throw error;
    }
  }
}
