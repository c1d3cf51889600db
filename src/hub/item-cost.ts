import { type HttpResponseFormat, NO_META, type PublishItem } from '../codec/grip/index.ts';
import { LEAST_COST } from '../exchange/index.ts';

/** Bytes that a string, a list or an object is charged besides what it holds. */
const VALUE_COST = 64;

/** Bytes that null, a number or a boolean is charged. */
const LITERAL_COST = 8;

/** Bytes that an item is charged while it waits whole. */
export function itemCost(item: PublishItem): number {
  const { channel, httpResponse, httpStream, wsMessage } = item;
  const response = httpResponse === null ? 0 : responseCost(httpResponse);
  const stream = httpStream === null ? 0 : httpStream.content.length;
  const message = wsMessage === null ? 0 : wsMessage.content.length + memoryCost(wsMessage.reason);
  return Math.max(LEAST_COST, textCost(channel) + idsAndMetaCost(item) + response + stream + message);
}

/** As `memoryCost` of the ids and the meta of an item, which each item has. */
export function idsAndMetaCost({ id, prevId, meta }: Pick<PublishItem, 'id' | 'prevId' | 'meta'>): number {
  return textCost(id) + textCost(prevId) + (meta === NO_META ? VALUE_COST : memoryCost(meta));
}

function textCost(text: string | null): number {
  return text === null ? LITERAL_COST : VALUE_COST + 2 * text.length;
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
      cost += textCost(value);
    } else if (typeof value === 'object' && value !== null) {
      cost += VALUE_COST;
      const names = Array.isArray(value) ? [] : Object.keys(value);
      for (const name of names) cost += VALUE_COST + 2 * name.length;
      // Not spread: as arguments of one call they could be too many.
      for (const member of Object.values(value)) values.push(member);
    } else {
      cost += LITERAL_COST;
    }
  }
  return cost;
}
