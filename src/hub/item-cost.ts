import type { HttpResponseFormat, PublishItem } from '../codec/grip/index.ts';
import { LEAST_COST } from '../exchange/index.ts';

/** Bytes that a string, a list or an object is charged besides what it holds. */
const VALUE_COST = 64;

/** Bytes that an item is charged while it waits whole. */
export function itemCost({ channel, id, prevId, meta, httpResponse, httpStream, wsMessage }: PublishItem): number {
  const response = httpResponse === null ? 0 : responseCost(httpResponse);
  const stream = httpStream === null ? 0 : httpStream.content.length;
  const message = wsMessage === null ? 0 : wsMessage.content.length + memoryCost(wsMessage.reason);
  return Math.max(LEAST_COST, memoryCost(channel, id, prevId, meta) + response + stream + message);
}

/** Bytes that an `http-response` keeps, with its reason, its fields and its patch. */
export function responseCost({ reason, headers, exposeHeaders, body, bodyPatch }: HttpResponseFormat): number {
  return body.length + memoryCost(reason, headers, exposeHeaders, bodyPatch);
}

/**
 * Bytes that JSON values take at most in memory, roughly. A character counts twice: it may need two bytes, and names of fields are kept in
 * lower case too.
 */
export function memoryCost(...values: unknown[]): number {
  let cost = 0;
  // Without recursion: a patch may be nested as deep as its text is long.
  while (values.length > 0) {
    const value = values.pop();
    if (typeof value === 'string') {
      cost += VALUE_COST + 2 * value.length;
    } else if (typeof value === 'object' && value !== null) {
      cost += VALUE_COST;
      const names = Array.isArray(value) ? [] : Object.keys(value);
      for (const name of names) cost += VALUE_COST + 2 * name.length;
      // Not spread: as arguments of one call they could be too many.
      for (const member of Object.values(value)) values.push(member);
    } else {
      cost += 8;
    }
  }
  return cost;
}
