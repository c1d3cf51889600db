import { encode } from '../tnetstring/index.ts';

/** The key of a field in a packet. */
export type FieldName = (typeof NAMES)[number];

/** Every key of packets, in both directions. */
const NAMES = [
  'from',
  'id',
  'seq',
  'ext',
  'type',
  'condition',
  'method',
  'uri',
  'code',
  'reason',
  'headers',
  'content-type',
  'body',
  'credits',
  'more',
  'stream',
  'router-resp',
  'max-size',
  'timeout',
  'peer-address',
  'peer-port',
  'connect-host',
  'connect-port',
  'trust-connect-host',
  'ignore-tls-errors',
  'ignore-policies',
  'follow-redirects',
  'client-cert',
  'client-key',
  'old-from',
  'passthrough',
  'user-data',
] as const;

export const FIELD_NAMES: readonly FieldName[] = NAMES;

/** The key of a field, by name and encoded as a tnetstring. */
export interface Field {
  readonly name: FieldName;
  readonly key: string;
  /** The key with the value true. */
  readonly flag: string;
}

/** Every field by its key. Writers use these, so that writing a packet looks up no key. */
export const FIELDS = Object.fromEntries(
  NAMES.map((name): [FieldName, Field] => {
    const key = encode(name).toString('latin1');
    return [name, { name, key, flag: key + encode(true).toString('latin1') }];
  }),
) as Readonly<Record<FieldName, Field>>;
