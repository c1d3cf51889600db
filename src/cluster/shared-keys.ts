import { hash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { JetStreamApiCodes } from '@nats-io/jetstream';
import { TimeoutError } from '@nats-io/transport-node';
import { type ClusterCounters, LineRate, type Log } from '../exchange/index.ts';
import { KEY_LIFE, type KeyTable, type KnownKey } from '../hub/index.ts';
import type { Broker } from './broker.ts';
import { CallLimit } from './call-limit.ts';
import { isApiError } from './is-api-error.ts';
import { encodeRecord, type KeyRecord, MAX_RECORD_BYTES, recordOf } from './key-record.ts';
import { SharedBucket } from './shared-bucket.ts';
import type { Subjects } from './subjects.ts';

/** Milliseconds for which a node waits until another one has published items with a key. */
const WAIT_MS = 2_000;

/** Milliseconds between two looks. */
const LOOK_MS = 50;

/**
 * Keys that a node asks the broker for at the same time. Others wait.
 * @bound cluster-keys-asked
 */
const MAX_ASKED = 256;

/**
 * Bytes of the idempotency keys that the broker remembers for all nodes. When there is no room, only each node remembers its own, which is counted and logged.
 * @bound cluster-keys
 */
const MAX_BYTES = 134_217_728;

type KeyWithDigest = readonly [key: string, digest: string];

/** The keys of one request of a publisher, and the table that learns. */
interface Request {
  readonly keys: ReadonlyMap<string, string>;
  readonly table: KeyTable;
}

/** This node publishes the items of a key. */
interface Claim {
  readonly keys: Request['keys'];
  /** Revision of the record. */
  readonly revision: number;
}

/** What the keys of a cluster are made of. */
export interface SharedKeysOptions {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly replicas: number;
  readonly counters: ClusterCounters;
  readonly log: Log;
  /** Milliseconds for which a node waits for what becomes of items with a key. Default: 2,000. */
  readonly patience?: number;
}

/**
 * Idempotency keys for all nodes of a cluster. A node makes a record of a key before it publishes items with it. Where there is a record already, the table of this node learns what it says, and
 * does the rest.
 */
export class SharedKeys {
  readonly #options: SharedKeysOptions;
  readonly #bucket: SharedBucket;
  /** Keys whose items this node publishes. */
  readonly #claims = new Map<string, Claim>();
  readonly #lines = new LineRate();
  readonly #limit = new CallLimit(MAX_ASKED);

  private constructor(options: SharedKeysOptions, bucket: SharedBucket) {
    this.#options = options;
    this.#bucket = bucket;
  }

  /** @throws BrokerError as `SharedBucket.open` */
  static async open(options: SharedKeysOptions): Promise<SharedKeys> {
    const { broker, subjects, replicas } = options;
    const name = `${subjects.name}_keys`;
    const sizes = { maxValueBytes: MAX_RECORD_BYTES, maxBytes: MAX_BYTES };
    return new SharedKeys(
      options,
      await SharedBucket.open(broker, 'idempotency keys', { name, age: KEY_LIFE, ...sizes, replicas }),
    );
  }

  /**
   * Finds out about keys. Returns whether all are known here; else calls `done` later. It waits for two seconds: for another node that has begun to publish items with a key, and for
   * the broker.
   * @param keys with the digests of their items
   * @param table of this node, which learns
   * @param done throws nothing
   */
  learn(keys: ReadonlyMap<string, string>, table: KeyTable, done: () => void): boolean {
    const wanted = [...keys].filter(([key]) => !isKnown(table.known(key)));
    // While the broker is away publishers are refused, or deliver on this node.
    if (wanted.length === 0 || !this.#options.broker.up) return true;
    void this.#learn({ keys, table }, wanted).then(done);
    return false;
  }

  /**
   * Tells the other nodes what has become of items with these keys: what the table says, or nothing where they were refused.
   * @param isSettled false where it is not known whether the broker keeps the items: their publisher may try again at any node, and the broker knows them by their ids. Default: true
   */
  settle(keys: ReadonlyMap<string, string>, table: KeyTable, isSettled = true): void {
    for (const key of keys.keys()) {
      const claim = this.#claims.get(key);
      // A repeat settles nothing.
      if (claim?.keys !== keys) continue;
      const known = table.known(key);
      if (isSettled && isKnown(known)) this.#record(key, { ...known, done: true });
      else this.#release(key);
    }
  }

  async #learn(request: Request, wanted: readonly KeyWithDigest[]): Promise<void> {
    const { patience = WAIT_MS } = this.#options;
    const deadline = performance.now() + patience;
    const outcomes = await Promise.all(wanted.map((key) => this.#look(request, key)));
    if (outcomes.every((outcome) => outcome !== 'busy')) return;
    // Two requests must not wait for each other: so this one gives up its claims, and takes its keys one by one, in an order that is the same for all.
    for (const [i, [key]] of wanted.entries()) if (outcomes[i] === 'claimed') this.#release(key);
    for (const key of wanted.toSorted()) await this.#wait(request, key, deadline);
  }

  /** Looks at a key until it is known what became of items with it, or this node has to publish them. */
  async #wait(request: Request, key: KeyWithDigest, deadline: number): Promise<void> {
    while ((await this.#look(request, key)) === 'busy') {
      if (performance.now() >= deadline) {
        // The node that has begun is gone, or hangs.
        await this.#look(request, key, true);
        return;
      }
      await setTimeout(LOOK_MS);
    }
  }

  async #look(request: Request, key: KeyWithDigest, takesOver = false): Promise<'known' | 'claimed' | 'busy'> {
    const ask = () => this.#claimOrRead(request, key, takesOver);
    try {
      return await this.#limit.run(() =>
        ask().catch(async (error: unknown) => {
          // A broker that has lost the bucket says so at once.
          if (error instanceof TimeoutError) throw error;
          await this.#bucket.restore();
          return await ask();
        }),
      );
    } catch (error) {
      this.#unknown(error);
      return 'known';
    }
  }

  async #claimOrRead(
    { keys, table }: Request,
    [key]: KeyWithDigest,
    takesOver: boolean,
  ): Promise<'known' | 'claimed' | 'busy'> {
    if (isKnown(table.known(key))) return 'known';
    // Two publishers of this node have the same key: the first one goes on.
    if (this.#claims.has(key)) return 'busy';
    if (await this.#claim(keys, key, 0)) return 'claimed';
    const entry = await this.#bucket.values.get(nameOf(key));
    if (entry === null) return 'busy';
    const { revision, operation, created } = entry;
    const record = operation === 'PUT' ? recordOf(entry.value) : null;
    if (record?.done === true) {
      table.goOn([{ key, ...record, left: leftOf(created.getTime()) }]);
      return 'known';
    }
    // A malformed record is replaced, and so is one that was deleted.
    const isOpen = record !== null && !takesOver;
    return !isOpen && (await this.#claim(keys, key, revision)) ? 'claimed' : 'busy';
  }

  /** Writes the record if its revision is still `previousSeq`, which is 0 where there is none. Returns whether this node publishes the items. */
  async #claim(keys: Request['keys'], key: string, previousSeq: number): Promise<boolean> {
    const record = { digest: keys.get(key) ?? '', taken: 0, receivers: [], numbers: [], done: false };
    try {
      const revision = await this.#bucket.values.put(nameOf(key), encodeRecord(record), { previousSeq });
      this.#claims.set(key, { keys, revision });
      return true;
    } catch (error) {
      if (isApiError(error, ...WRONG_SEQUENCE)) return false;
      throw error;
    }
  }

  #record(key: string, record: KeyRecord): void {
    this.#end(key, (name, options) => this.#bucket.values.put(name, encodeRecord(record), options));
  }

  #release(key: string): void {
    this.#end(key, (name, options) => this.#bucket.values.delete(name, options));
  }

  /** Writes what has become of a claim, unless another node has taken it over. */
  #end(key: string, write: (name: string, options: { readonly previousSeq: number }) => Promise<unknown>): void {
    const { revision: previousSeq = 0 } = this.#claims.get(key) ?? {};
    this.#claims.delete(key);
    write(nameOf(key), { previousSeq }).catch((error: unknown) => this.#unknown(error));
  }

  #unknown(error: unknown): void {
    const { counters, log } = this.#options;
    counters.keysUnknown++;
    const fields = { error: String(error), keys: counters.keysUnknown };
    this.#lines.write(log, 'warn', fields, 'broker remembers no idempotency key: other nodes may publish a repeat');
  }
}

const WRONG_SEQUENCE: readonly number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
];

/** Whether items with the key have been published, as far as this node knows. */
function isKnown(known: KnownKey | null): known is KnownKey {
  return known !== null && known.taken > 0;
}

/** A key may have any characters, and 1,024 bytes. */
function nameOf(key: string): string {
  return hash('sha256', key, 'base64url');
}

/** Milliseconds for which a key is still remembered, whatever the clock of the broker says. */
function leftOf(created: number): number {
  return Math.min(KEY_LIFE, Math.max(1_000, created + KEY_LIFE - Date.now()));
}
