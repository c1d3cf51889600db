import { withoutFields } from '../codec/fields/index.ts';
import type { HttpResponseFormat, PublishItem } from '../codec/grip/index.ts';
import { PublishedResponse } from './published-response.ts';
import { SharedRuns } from './shared-runs.ts';

/** How several items become one response: not at all, their bodies as lines, or as the elements of a list in JSON. */
export type JoinMode = 'none' | 'lines' | 'json';

const LF = 0x0a;
const LINE_END = Buffer.from('\n');
const [OPEN, COMMA, CLOSE] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')];
const JSON_TYPE = ['Content-Type', 'application/json'];

/** An item that was published for held requests. */
type ResponseItem = PublishItem & { readonly httpResponse: HttpResponseFormat };

/** Those of held requests whose clients come back together. */
const SHARED: Readonly<Record<JoinMode, SharedRuns<PublishedResponse>>> = {
  none: new SharedRuns((items) => responsesOf(items, 'none')),
  lines: new SharedRuns((items) => responsesOf(items, 'lines')),
  json: new SharedRuns((items) => responsesOf(items, 'json')),
};

/** What held requests get of items from the log, in their order: those that can be joined are one. */
export function joinedResponses(items: readonly PublishItem[], mode: JoinMode): readonly PublishedResponse[] {
  return SHARED[mode].of(items);
}

function responsesOf(items: readonly PublishItem[], mode: JoinMode): readonly PublishedResponse[] {
  const responses: PublishedResponse[] = [];
  let some: ResponseItem[] = [];
  const flush = (): void => {
    if (some.length > 0) responses.push(joined(some, mode));
    some = [];
  };
  for (const item of items) {
    if (!isResponse(item)) continue;
    if (mode === 'none' || !isPlain(item.httpResponse)) {
      flush();
      responses.push(responseOf(item, item.httpResponse));
    } else {
      some.push(item);
    }
  }
  flush();
  return responses;
}

/** A live item as `joinedResponses` would have it. Made once for all clients. */
export function shaped(published: PublishedResponse, mode: JoinMode): PublishedResponse {
  if (mode === 'none' || !isPlain(published.content)) return published;
  published.shapes ??= new Map();
  let shape = published.shapes.get(mode);
  if (shape === undefined) {
    const { channel, content: httpResponse, number, id, prevId, meta } = published;
    shape = joined([{ channel, httpResponse, number, id, prevId, meta } as ResponseItem], mode);
    published.shapes.set(mode, shape);
  }
  return shape;
}

function joined(items: readonly ResponseItem[], mode: JoinMode): PublishedResponse {
  const last = items.at(-1) as ResponseItem;
  // Nothing is missing in between.
  const { prevId } = items.find(({ channel }) => channel === last.channel) as ResponseItem;
  const bodies = items.map(({ httpResponse }) => httpResponse.body);
  const body = mode === 'json' ? listOf(bodies) : Buffer.concat(bodies.flatMap(asLine));
  const { headers } = last.httpResponse;
  const fields =
    mode === 'json' ? [...withoutFields(headers, (name) => name === 'content-type'), ...JSON_TYPE] : headers;
  return responseOf({ ...last, prevId }, { ...last.httpResponse, headers: fields, body });
}

function responseOf({ channel, id, prevId, meta, number }: PublishItem, format: HttpResponseFormat): PublishedResponse {
  const response = new PublishedResponse(channel, format, id, prevId, meta);
  response.number = number ?? 0;
  return response;
}

function isResponse(item: PublishItem): item is ResponseItem {
  return item.httpResponse?.action === 'send';
}

/** Whether an item says nothing but its body. */
function isPlain({ code, bodyPatch, exposeHeaders, contentFilters }: HttpResponseFormat): boolean {
  return code === 200 && bodyPatch === null && exposeHeaders === null && contentFilters === null;
}

function asLine(body: Buffer): Buffer[] {
  return body.at(-1) === LF ? [body] : [body, LINE_END];
}

function listOf(bodies: readonly Buffer[]): Buffer {
  return Buffer.concat([OPEN, ...bodies.flatMap((body, i) => (i === 0 ? [body] : [COMMA, body])), CLOSE]);
}
