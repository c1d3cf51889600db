import { isMatchable, MAX_PATTERN_TOKENS } from '../codec/grip/index.ts';

/**
 * Places that are looked at for the patterns of one question. Beyond it the answer is that there is too much.
 * @bound history-pattern-places
 */
export const MAX_PLACES = 16_384;

/** A channel among the names. */
export interface NamedChannel {
  readonly name: string;
  /** The number of its newest item. */
  readonly last: number;
  /** Where it is; null where no pattern matches it. */
  node: NameNode | null;
}

/** What the names have in common that begin with the same tokens. */
export class NameNode {
  readonly parent: NameNode | null;
  /** The token that leads here from its parent. */
  readonly token: string;
  /** No channel from here on has an item with a higher number. */
  last = 0;
  /** The one whose name ends here. */
  channel: NamedChannel | null = null;
  /** Its children by their tokens; null where it has one or none. */
  #children: Map<string, NameNode> | null = null;
  /** The child in which something happened last, and for each child the one in which something happened before that. */
  newest: NameNode | null = null;
  older: NameNode | null = null;
  newer: NameNode | null = null;

  constructor(parent: NameNode | null, token: string) {
    this.parent = parent;
    this.token = token;
  }

  child(token: string): NameNode | undefined {
    if (this.#children !== null) return this.#children.get(token);
    return this.newest?.token === token ? this.newest : undefined;
  }

  addChild(token: string): NameNode {
    const child = new NameNode(this, token);
    const { newest } = this;
    if (newest !== null) {
      this.#children ??= new Map([[newest.token, newest]]);
      this.#children.set(token, child);
    }
    this.raise(child);
    return child;
  }

  removeChild(child: NameNode): void {
    this.#unlink(child);
    this.#children?.delete(child.token);
    if (this.#children?.size === 0) this.#children = null;
  }

  /** Makes a child the newest one. */
  raise(child: NameNode): void {
    if (this.newest === child) return;
    this.#unlink(child);
    child.older = this.newest;
    if (this.newest !== null) this.newest.newer = child;
    this.newest = child;
  }

  #unlink(child: NameNode): void {
    const { older, newer } = child;
    if (newer !== null) newer.older = older;
    else if (this.newest === child) this.newest = older;
    if (older !== null) older.newer = newer;
    child.older = null;
    child.newer = null;
  }
}

/**
 * The names of channels by their tokens. Those that match a pattern and have new items are found without a look at those that have none: the children of
 * a node are in the order in which something happened in them.
 */
export class NameTree {
  /** Nodes. */
  size = 0;
  readonly #root = new NameNode(null, '');

  add(channel: NamedChannel): void {
    if (!isMatchable(channel.name)) return;
    let node = this.#root;
    for (const token of tokensOf(channel.name)) node = node.child(token) ?? this.#addChild(node, token);
    node.channel = channel;
    channel.node = node;
  }

  delete(channel: NamedChannel): void {
    let { node } = channel;
    if (node === null) return;
    channel.node = null;
    node.channel = null;
    for (; node.channel === null && node.newest === null; this.size--) {
      const { parent }: NameNode = node;
      if (parent === null) return;
      parent.removeChild(node);
      node = parent;
    }
  }

  /** A channel has an item with this number. */
  note({ node }: NamedChannel, number: number): void {
    if (node === null) return;
    // Where they come in another order, as those of another process, each counts as one of the newest.
    const last = Math.max(number, this.#root.last);
    for (let each = node; each.parent !== null; each = each.parent) {
      each.last = last;
      each.parent.raise(each);
    }
    this.#root.last = last;
  }

  /**
   * The channels that match one of the patterns and have had items with higher numbers than `after`, each once.
   * @param patterns valid ones
   * @returns null if there are more than `limit`, or they are too far apart
   */
  matching(patterns: readonly string[], after: number, limit: number): readonly string[] | null {
    const search = { after, limit, places: MAX_PLACES, found: new Set<string>() };
    const complete = patterns.every((pattern) => collect(this.#root, pattern.split('.'), 0, search));
    return complete ? [...search.found] : null;
  }

  #addChild(node: NameNode, token: string): NameNode {
    this.size++;
    return node.addChild(token);
  }
}

/** Looks for channels with news. */
interface Search {
  readonly after: number;
  readonly limit: number;
  /** Places that may still be looked at. */
  places: number;
  readonly found: Set<string>;
}

/** Adds those from `node` on that match the tokens from `at` on. Returns false where there is too much. */
function collect(node: NameNode, tokens: readonly string[], at: number, search: Search): boolean {
  if (search.places-- === 0) return false;
  const token = tokens[at];
  if (token === undefined) return take(node, search);
  if (token !== '*' && token !== '>') {
    const child = node.child(token);
    return child === undefined || child.last <= search.after || collect(child, tokens, at + 1, search);
  }
  // Those after the first one without news have none either.
  for (let child = node.newest; child !== null && child.last > search.after; child = child.older) {
    if (token === '>' && !take(child, search)) return false;
    if (!collect(child, tokens, token === '>' ? at : at + 1, search)) return false;
  }
  return true;
}

function take({ channel }: NameNode, { after, limit, found }: Search): boolean {
  if (channel !== null && channel.last > after) found.add(channel.name);
  return found.size <= limit;
}

/** The tokens of a name. Those that only `>` can match are one: a name may have millions. */
function tokensOf(name: string): string[] {
  const tokens = name.split('.', MAX_PATTERN_TOKENS);
  const length = tokens.reduce((sum, token) => sum + token.length + 1, 0);
  if (length < name.length) tokens.push(name.slice(length));
  return tokens;
}
