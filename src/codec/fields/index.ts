export {
  type FieldList,
  fieldValue,
  fieldValues,
  listMembers,
  nameIs,
  nameStartsWith,
  withoutFields,
} from './fields.ts';
