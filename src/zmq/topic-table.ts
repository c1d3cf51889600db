import { LEAST_COST } from '../exchange/index.ts';

/** A node of the trie: what its topics share beyond the topics of its parent. */
class TopicNode<T> {
  /** Bytes between the parent and this node, one latin1 character each; empty only at the root. */
  label: string;
  /** Children by the first byte of their labels, which differ. */
  children: Map<number, TopicNode<T>> | null = null;
  /** Subscribers to the topic that ends here. */
  subscribers: Set<T> | null = null;

  constructor(label: string) {
    this.label = label;
  }

  adopt(child: TopicNode<T>): void {
    this.children ??= new Map();
    this.children.set(child.label.charCodeAt(0), child);
  }
}

const NO_TOPICS: ReadonlySet<string> = new Set();

interface Topics {
  readonly names: Set<string>;
  bytes: number;
}

/** Bytes charged for a topic of this length. */
export function topicCost(length: number): number {
  return Math.max(length, LEAST_COST);
}

/**
 * Maps topics to subscribers: a trie over bytes with one node per branch. Looking up a message takes at most one step for each
 * byte of the longest topic, however many topics there are.
 */
export class TopicTable<T> {
  readonly #root = new TopicNode<T>('');
  readonly #bySubscriber = new Map<T, Topics>();

  /** Number of topics of the subscriber. */
  count(subscriber: T): number {
    return this.#bySubscriber.get(subscriber)?.names.size ?? 0;
  }

  /** Bytes charged for the topics of the subscriber. */
  bytes(subscriber: T): number {
    return this.#bySubscriber.get(subscriber)?.bytes ?? 0;
  }

  has(subscriber: T, topic: string): boolean {
    return this.#bySubscriber.get(subscriber)?.names.has(topic) === true;
  }

  /**
   * @param topic in latin1, which maps bytes to characters one to one
   * @returns whether this is the topic's first subscriber
   */
  add(subscriber: T, topic: string): boolean {
    let topics = this.#bySubscriber.get(subscriber);
    if (topics === undefined) {
      topics = { names: new Set(), bytes: 0 };
      this.#bySubscriber.set(subscriber, topics);
    }
    if (topics.names.has(topic)) return false;
    topics.names.add(topic);
    topics.bytes += topicCost(topic.length);
    const node = this.#make(topic);
    const isFirst = node.subscribers === null;
    node.subscribers ??= new Set();
    node.subscribers.add(subscriber);
    return isFirst;
  }

  /** Returns whether this was the topic's last subscriber. */
  remove(subscriber: T, topic: string): boolean {
    const topics = this.#bySubscriber.get(subscriber);
    if (topics === undefined || !topics.names.delete(topic)) return false;
    topics.bytes -= topicCost(topic.length);
    if (topics.names.size === 0) this.#bySubscriber.delete(subscriber);
    return this.#removeFrom(subscriber, topic);
  }

  /** The topics of the subscriber. They may be removed while the result is walked through. */
  of(subscriber: T): Iterable<string> {
    return this.#bySubscriber.get(subscriber)?.names ?? NO_TOPICS;
  }

  /**
   * Calls `visit` with the subscribers of each topic that `message`, bytes or latin1 text, starts with; a subscriber of several such topics is
   * passed several times.
   */
  match(message: Buffer | string, visit: (subscriber: T) => void): void {
    let node: TopicNode<T> | null = this.#root;
    let depth = 0;
    while (node !== null) {
      depth += node.label.length;
      if (node.subscribers !== null) for (const subscriber of node.subscribers) visit(subscriber);
      node = next(node, message, depth);
    }
  }

  /** Whether any topic that `message` starts with has a subscriber. */
  matches(message: Buffer | string): boolean {
    let node: TopicNode<T> | null = this.#root;
    let depth = 0;
    while (node !== null && node.subscribers === null) {
      depth += node.label.length;
      node = next(node, message, depth);
    }
    return node !== null;
  }

  /** The node at which `topic` ends; created if missing. */
  #make(topic: string): TopicNode<T> {
    let node = this.#root;
    let depth = 0;
    while (depth < topic.length) {
      const child: TopicNode<T> | undefined = node.children?.get(topic.charCodeAt(depth));
      if (child === undefined) {
        const leaf = new TopicNode<T>(topic.slice(depth));
        node.adopt(leaf);
        return leaf;
      }
      const shared = sharedLength(child.label, topic, depth);
      node = shared === child.label.length ? child : split(node, child, shared);
      depth += shared;
    }
    return node;
  }

  #removeFrom(subscriber: T, topic: string): boolean {
    let parent = this.#root;
    let node = this.#root;
    let depth = 0;
    while (depth < topic.length) {
      parent = node;
      node = node.children?.get(topic.charCodeAt(depth)) as TopicNode<T>;
      depth += node.label.length;
    }
    const subscribers = node.subscribers as Set<T>;
    subscribers.delete(subscriber);
    if (subscribers.size > 0) return false;
    node.subscribers = null;
    if (node === this.#root) return true;
    if (node.children === null) {
      parent.children?.delete(node.label.charCodeAt(0));
      if (parent.children?.size === 0) parent.children = null;
      if (parent !== this.#root) mergeOnlyChild(parent);
    } else {
      mergeOnlyChild(node);
    }
    return true;
  }
}

/** The child of `node`, which ends at `depth`, whose label comes next in `message`; null if none does. */
function next<T>(node: TopicNode<T>, message: Buffer | string, depth: number): TopicNode<T> | null {
  if (node.children === null || depth >= message.length) return null;
  const child = node.children.get(byteAt(message, depth));
  if (child === undefined) return null;
  const { label } = child;
  for (let i = 1; i < label.length; i++) {
    if (byteAt(message, depth + i) !== label.charCodeAt(i)) return null;
  }
  return child;
}

/** Undefined or NaN after the end. */
function byteAt(message: Buffer | string, at: number): number {
  return typeof message === 'string' ? message.charCodeAt(at) : (message[at] as number);
}

/** How many bytes of `label` match `topic` at `depth`. */
function sharedLength(label: string, topic: string, depth: number): number {
  const most = Math.min(label.length, topic.length - depth);
  let length = 1;
  while (length < most && label.charCodeAt(length) === topic.charCodeAt(depth + length)) length++;
  return length;
}

/** Inserts a node between `parent` and `child` that takes over the first `length` bytes of `child`'s label. */
function split<T>(parent: TopicNode<T>, child: TopicNode<T>, length: number): TopicNode<T> {
  const middle = new TopicNode<T>(child.label.slice(0, length));
  parent.adopt(middle);
  child.label = child.label.slice(length);
  middle.adopt(child);
  return middle;
}

/** Removes a node that is neither the end of a topic nor a branch: it merges with its only child. */
function mergeOnlyChild<T>(node: TopicNode<T>): void {
  if (node.subscribers !== null || node.children?.size !== 1) return;
  for (const child of node.children.values()) {
    node.label += child.label;
    node.subscribers = child.subscribers;
    node.children = child.children;
  }
}
