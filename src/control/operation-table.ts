import type { Method, Operation } from './operation.ts';

/** The operations at one path. */
export interface Place {
  readonly operations: ReadonlyMap<Method, Operation>;
  /** The parts of the path in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** A path with parts in braces. */
interface Pattern {
  /** Names of the parts in braces; null for a part that is as it is written. */
  readonly names: readonly (string | null)[];
  readonly parts: readonly string[];
  readonly operations: Map<Method, Operation>;
}

const NO_PARAMS = {};

/** Finds operations by path. Paths are compared byte for byte: nothing but a part in braces is decoded, and no dots or slashes are resolved. */
export class OperationTable {
  readonly #exact = new Map<string, Map<Method, Operation>>();
  readonly #patterns = new Map<string, Pattern>();

  /** @throws Error for two operations with the same method and path */
  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      const at = this.#at(operation.path);
      if (at.has(operation.method)) throw new Error(`${operation.method} ${operation.path} is defined twice`);
      at.set(operation.method, operation);
    }
  }

  /** @returns null if there is none */
  find(path: string): Place | null {
    const operations = this.#exact.get(path);
    if (operations !== undefined) return { operations, params: NO_PARAMS };
    const parts = path.split('/');
    for (const pattern of this.#patterns.values()) {
      const params = matched(pattern, parts);
      if (params !== null) return { operations: pattern.operations, params };
    }
    return null;
  }

  #at(path: string): Map<Method, Operation> {
    if (!path.includes('{')) {
      const operations = this.#exact.get(path) ?? new Map();
      this.#exact.set(path, operations);
      return operations;
    }
    const parts = path.split('/');
    const names = parts.map((part) => (part.startsWith('{') ? part.slice(1, -1) : null));
    const pattern = this.#patterns.get(path) ?? { names, parts, operations: new Map() };
    this.#patterns.set(path, pattern);
    return pattern.operations;
  }
}

function matched({ names, parts: expected }: Pattern, parts: readonly string[]): Record<string, string> | null {
  if (parts.length !== expected.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const name = names[i] as string | null;
    if (name === null) {
      if (part !== expected[i]) return null;
      continue;
    }
    const value = decoded(part);
    if (value === null) return null;
    params[name] = value;
  }
  return params;
}

/** @returns null for an empty part, and for one that is not UTF-8 when decoded */
function decoded(part: string): string | null {
  if (part === '') return null;
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
