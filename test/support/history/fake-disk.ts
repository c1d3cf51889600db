import type { StoreFiles, WrittenFile } from '../../../src/history/index.ts';
import type { SeededRandom } from '../seeded-random.ts';

/** A file: what the system has, and what is on the disk. */
interface FakeFile {
  bytes: Buffer;
  synced: Buffer;
  /** Whether its name is on the disk. */
  named: boolean;
}

/** A change of names in the folder that is not on the disk yet. */
interface NameChange {
  /** The file whose name is new. */
  readonly named?: FakeFile;
  undo(): void;
}

/** An error of the system. */
export function systemError(code: string, errno: number): Error {
  return Object.assign(new Error(code), { code, errno });
}

/**
 * A disk that can be full, and that loses at a crash of the machine what was not synced, and may have it all the same. A sync of a file is for the bytes that it had
 * when the sync began, and not for its name. A sync of the folder is for the names that were made, changed and removed before it began; without one each
 * of these changes may be there after a crash, in any combination. A file that was removed can be written and synced by who has it open.
 */
export class FakeDisk {
  /** How many bytes may be written. */
  room = Number.POSITIVE_INFINITY;
  /** What every further sync rejects with. */
  syncError: Error | null = null;
  boot = 'boot 1';
  /** What `replace` waits for. */
  replacing: Promise<unknown> = Promise.resolve();
  /** Called when a file was removed. */
  removed: (name: string) => void = () => undefined;
  /** Turns that a sync takes, and a write. */
  syncTurns: () => number = () => 1;
  writeTurns: () => number = () => 1;
  readonly #files = new Map<string, FakeFile>();
  #nameChanges: NameChange[] = [];
  #alive = '';
  #processes = 0;

  /** The folder as a new process sees it. The former one is dead. */
  process(): StoreFiles {
    this.#alive = `${++this.#processes}-start`;
    return new FakeFolder(this, this.#alive);
  }

  /** Resolves when all that was written is on the disk. */
  async synced(): Promise<void> {
    const isSynced = (file: FakeFile): boolean => file.named && file.bytes.length === file.synced.length;
    while (this.pending !== null || ![...this.#files.values()].every(isSynced)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The machine crashes and starts again: of what was not synced anything may be there. */
  crash(random: SeededRandom): void {
    this.boot = `${this.boot}+`;
    this.#alive = '';
    this.pending = null;
    for (const change of this.#nameChanges.reverse()) if (random.below(2) === 0) change.undo();
    this.#nameChanges = [];
    for (const file of this.#files.values()) {
      file.bytes = remains(file, random);
      file.synced = file.bytes;
      file.named = true;
    }
  }

  /** The process is killed: all that the system has stays, and a write may be cut. */
  kill(random: SeededRandom, cut = true): void {
    this.#alive = '';
    const last = [...this.#files.keys()]
      .filter((name) => name.endsWith('.segment'))
      .sort()
      .at(-1);
    const file = last === undefined ? undefined : this.#files.get(last);
    const pending = this.pending;
    this.pending = null;
    if (file === undefined || !cut || pending === null || pending.name !== last) return;
    this.put(pending.name, pending.bytes.subarray(0, random.below(pending.bytes.length)), pending.position);
  }

  /** A write that has begun. */
  pending: { readonly name: string; readonly bytes: Buffer; readonly position: number } | null = null;

  isAlive(process: string): boolean {
    return process === this.#alive;
  }

  get names(): string[] {
    return [...this.#files.keys()].sort();
  }

  get(name: string): FakeFile {
    const file = this.#files.get(name);
    if (file === undefined) throw systemError('ENOENT', -2);
    return file;
  }

  /** Whether these bytes are in a file, whatever a crash does now. */
  hasForSure(bytes: Buffer): boolean {
    return [...this.#files.values()].some(({ named, synced }) => named && synced.includes(bytes));
  }

  put(name: string, bytes: Buffer, position: number, file = this.get(name)): void {
    const grown = Math.max(0, position + bytes.length - file.bytes.length);
    if (grown > this.room) throw systemError('ENOSPC', -28);
    this.room -= grown;
    const whole = Buffer.alloc(file.bytes.length + grown);
    file.bytes.copy(whole);
    bytes.copy(whole, position);
    file.bytes = whole;
  }

  add(name: string): void {
    if (this.#files.has(name)) return;
    const file = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0), named: false };
    this.#files.set(name, file);
    this.#nameChanges.push({ named: file, undo: () => this.#files.delete(name) });
  }

  remove(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    this.#files.delete(name);
    this.room += file.bytes.length;
    this.#nameChanges.push({ undo: () => this.#files.set(name, file) });
    this.removed(name);
  }

  rename(from: string, to: string): void {
    const [file, other] = [this.get(from), this.#files.get(to)];
    const undo = (): void => {
      if (other === undefined) this.#files.delete(to);
      else this.#files.set(to, other);
      this.#files.set(from, file);
    };
    this.#files.delete(from);
    this.#files.set(to, file);
    this.#nameChanges.push({ undo });
  }

  replace(name: string, bytes: Buffer): void {
    if (bytes.length > this.room) throw systemError('ENOSPC', -28);
    this.#files.set(name, { bytes, synced: bytes, named: true });
    this.syncNames()();
  }

  /** Begins a sync of the folder. Returns what ends it. */
  syncNames(): () => void {
    const changes = new Set(this.#nameChanges);
    return () => {
      for (const { named } of changes) if (named !== undefined) named.named = true;
      this.#nameChanges = this.#nameChanges.filter((change) => !changes.has(change));
    };
  }
}

/** What is left of a file: what was synced, and of what was not a part, with zeros or anything in it. */
function remains({ bytes, synced }: FakeFile, random: SeededRandom): Buffer {
  if (bytes.equals(synced)) return bytes;
  if (bytes.length < synced.length) return random.pick([bytes, synced]);
  const left = Buffer.from(bytes.subarray(0, synced.length + random.below(bytes.length - synced.length + 1)));
  for (let at = synced.length; at < left.length; at += 512) {
    const end = Math.min(left.length, at + 512);
    const chance = random.below(4);
    if (chance === 0) left.fill(0, at, end);
    if (chance === 1) random.bytes(end - at).copy(left, at);
  }
  return left;
}

class FakeFolder implements StoreFiles {
  readonly path = '/store';
  readonly self: string;
  readonly #disk: FakeDisk;

  constructor(disk: FakeDisk, self: string) {
    this.#disk = disk;
    this.self = self;
  }

  async bootId(): Promise<string> {
    return this.#disk.boot;
  }

  isAlive(name: string): boolean {
    return this.#disk.isAlive(name);
  }

  async list(): Promise<string[]> {
    return this.#disk.names;
  }

  async read(name: string): Promise<Buffer> {
    return Buffer.from(new Uint8Array(this.#disk.get(name).bytes).buffer);
  }

  async replace(name: string, content: string): Promise<void> {
    await this.#disk.replacing;
    await this.#turn();
    this.#disk.replace(name, Buffer.from(content));
  }

  async create(name: string): Promise<void> {
    await this.#turn();
    if (this.#disk.names.includes(name)) throw systemError('EEXIST', -17);
    this.#disk.add(name);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#disk.rename(from, to);
  }

  async truncate(name: string, length: number): Promise<void> {
    const file = this.#disk.get(name);
    file.bytes = file.bytes.subarray(0, length);
  }

  async remove(name: string): Promise<void> {
    await this.#turn();
    this.#disk.remove(name);
  }

  async open(name: string): Promise<WrittenFile> {
    await this.#turn();
    this.#disk.add(name);
    const file = this.#disk.get(name);
    return {
      write: (bytes, position, done) => {
        if (!this.#disk.isAlive(this.self)) return;
        this.#disk.pending = { name, bytes, position };
        let turns = this.#disk.writeTurns();
        const next = (): void => {
          if (!this.#disk.isAlive(this.self)) return;
          if (--turns > 0) {
            setImmediate(next);
            return;
          }
          this.#disk.pending = null;
          try {
            this.#disk.put(name, bytes, position, file);
          } catch (error) {
            done(error as Error);
            return;
          }
          done(null);
        };
        setImmediate(next);
      },
      sync: async () => {
        const { bytes } = file;
        for (let turns = this.#disk.syncTurns(); turns > 0; turns--) await this.#turn();
        if (this.#disk.syncError !== null) throw this.#disk.syncError;
        file.synced = Buffer.from(bytes);
      },
      close: async () => undefined,
    };
  }

  async syncFolder(): Promise<void> {
    const end = this.#disk.syncNames();
    await this.#turn();
    end();
  }

  /** The next turn; never for a process that is dead. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        if (this.#disk.isAlive(this.self)) resolve();
      });
    });
  }
}
