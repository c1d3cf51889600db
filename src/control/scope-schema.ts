import { z } from 'zod';

const scope = z
  .enum(['cluster', 'node'])
  .default('cluster')
  .describe('which nodes of a cluster are asked: all, or only this one. Without a cluster both mean the same');

/** A part of queries. */
export const scopeFields = { scope };

export const scopeQuery = z.strictObject(scopeFields);

/** The query of `/recover`, which may have anything else. */
export const recoverQuery = z.object(scopeFields);

/** A part of answers. */
export const missingFields = {
  missing: z
    .array(z.string())
    .optional()
    .describe('names of the nodes of a cluster that have not answered within 2 s; absent where all have'),
};

/** Which nodes of a cluster are asked. */
export type Scope = z.infer<typeof scope>;

/** What was looked for on all nodes. */
export interface Found<Value> {
  /** Null if it is nowhere. */
  readonly value: Value | null;
  /** Names of the nodes that have not answered. */
  readonly missing: readonly string[];
}
