export { asciiJson } from './ascii-json.ts';
export { connectionOptions, isOfConnection } from './connection-fields.ts';
export {
  contentCodings,
  type FieldList,
  fieldValue,
  fieldValues,
  hasMediaType,
  listBytes,
  listMembers,
  nameIs,
  nameStartsWith,
  trimmed,
  withoutFields,
} from './field-list.ts';
export { parseHttpDate } from './http-date.ts';
export { parseIdempotencyKey } from './idempotency-key.ts';
export { ListTexts, listSlot } from './list-texts.ts';
export { RepeatedBlocks } from './repeated-blocks.ts';
export { parseRetryAfter } from './retry-after.ts';
