import { isMatchable } from '../codec/grip/index.ts';

/** What the patterns have in common that begin with the same tokens. */
class TrieNode<T> {
  readonly parent: TrieNode<T> | null;
  /** The token that leads here from its parent. */
  readonly token: string;
  /** By the token that comes next, other than `*` and `>`. */
  children: Map<string, TrieNode<T>> | null = null;
  /** Where the next token is `*`, and not the last. */
  star: TrieNode<T> | null = null;
  /** Of the pattern that ends here. */
  value: T | undefined = undefined;
  /** Of the pattern that ends with a `*` after this: without a node of its own, which would be one more place in memory to look at. */
  one: T | undefined = undefined;
  /** Of the pattern that ends with a `>` after this. */
  rest: T | undefined = undefined;

  constructor(parent: TrieNode<T> | null, token: string) {
    this.parent = parent;
    this.token = token;
  }

  get isEmpty(): boolean {
    const { value, one, rest, star, children } = this;
    return value === undefined && one === undefined && rest === undefined && star === null && children === null;
  }

  child(token: string): TrieNode<T> | undefined {
    return token === '*' ? (this.star ?? undefined) : this.children?.get(token);
  }

  addChild(token: string): TrieNode<T> {
    const node = new TrieNode(this, token);
    if (token === '*') {
      this.star = node;
    } else {
      this.children ??= new Map();
      this.children.set(token, node);
    }
    return node;
  }

  remove({ token }: TrieNode<T>): void {
    if (token === '*') {
      this.star = null;
      return;
    }
    this.children?.delete(token);
    if (this.children?.size === 0) this.children = null;
  }
}

const NONE: readonly never[] = [];

/**
 * Values by pattern, each a valid one (`patternProblem`). To find those that match a name takes a step for each of its tokens, and two where
 * patterns with `*` and without stand side by side, however many patterns there are.
 */
export class PatternTrie<T> {
  #size = 0;
  readonly #root = new TrieNode<T>(null, '');

  /** Patterns. */
  get size(): number {
    return this.#size;
  }

  get(pattern: string): T | undefined {
    const { beginning, end } = partsOf(pattern);
    return this.#find(beginning)?.[end];
  }

  set(pattern: string, value: T): void {
    const { beginning, end } = partsOf(pattern);
    let node = this.#root;
    for (const token of beginning) node = node.child(token) ?? node.addChild(token);
    if (node[end] === undefined) this.#size++;
    node[end] = value;
  }

  /** Harmless for a pattern that is not there. */
  delete(pattern: string): void {
    const { beginning, end } = partsOf(pattern);
    const node = this.#find(beginning);
    if (node?.[end] === undefined) return;
    this.#size--;
    node[end] = undefined;
    for (let empty = node; empty.isEmpty && empty.parent !== null; empty = empty.parent) empty.parent.remove(empty);
  }

  /** The values of the patterns that match a name, the most exact first: in the first token in which they differ, a literal goes before `*`, and that before `>`. */
  match(name: string): readonly T[] {
    if (this.#size === 0 || !isMatchable(name)) return NONE;
    const found: T[] = [];
    collect(this.#root, name, 0, found);
    return found;
  }

  /** All values. */
  values(): Iterable<T> {
    return valuesOf(this.#root);
  }

  #find(tokens: readonly string[]): TrieNode<T> | undefined {
    let node: TrieNode<T> | undefined = this.#root;
    for (const token of tokens) {
      node = node.child(token);
      if (node === undefined) return undefined;
    }
    return node;
  }
}

/** Adds the values of those patterns from `node` on that match what stands at `from` and after it. The depth is that of the patterns. */
function collect<T>(node: TrieNode<T>, name: string, from: number, found: T[]): void {
  const { children, star, one, rest } = node;
  if (children !== null || star !== null || one !== undefined) {
    const end = name.indexOf('.', from);
    if (end < 0) {
      const value = children?.get(name.slice(from))?.value;
      if (value !== undefined) found.push(value);
      if (one !== undefined) found.push(one);
    } else {
      const child = children?.get(name.slice(from, end));
      if (child !== undefined) collect(child, name, end + 1, found);
      if (star !== null) collect(star, name, end + 1, found);
    }
  }
  if (rest !== undefined) found.push(rest);
}

function* valuesOf<T>({ value, one, rest, star, children }: TrieNode<T>): Generator<T, void> {
  if (value !== undefined) yield value;
  if (one !== undefined) yield one;
  if (rest !== undefined) yield rest;
  if (star !== null) yield* valuesOf(star);
  for (const child of children?.values() ?? []) yield* valuesOf(child);
}

/** The tokens that lead to the node of a pattern, and what it is there. */
function partsOf(pattern: string): { readonly beginning: readonly string[]; readonly end: 'value' | 'one' | 'rest' } {
  const beginning = pattern.split('.');
  const last = beginning.at(-1);
  const end = last === '*' ? 'one' : last === '>' ? 'rest' : 'value';
  if (end !== 'value') beginning.pop();
  return { beginning, end };
}
