export {
  type FieldList,
  fieldValue,
  fieldValues,
  listMembers,
  nameIs,
  nameStartsWith,
  trimmed,
  withoutFields,
} from './field-list.ts';
