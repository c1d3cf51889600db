import { randomBytes } from 'node:crypto';
import { type AtTurnEnd, fault, guarded, Ticker, TurnQueue } from '../clock/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { DiskFolder } from './disk-folder.ts';
import type { ChannelLimits } from './history-store.ts';
import { LogStore, type StoreOptions } from './log-store.ts';
import { newEpoch } from './new-epoch.ts';
import { readBack } from './read-back.ts';
import { SegmentWriter, serialOf, type WriterOwner } from './segment-writer.ts';
import { StoreError } from './store-error.ts';
import type { StoreFiles } from './store-files.ts';
import { isLock, takeLock } from './store-lock.ts';
import { parseState, type StoreState, stateText } from './store-state.ts';

/** Numbers that are reserved ahead: the state is written once for so many items. */
const RESERVE = 1_000_000;

/** Milliseconds after which it is tried again to write, when that has failed. */
const RETRY_INTERVAL = 1_000;

/** Errors of a disk that is full, or of a user who may not have more of it. */
const NO_ROOM: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

/** Before the folder was looked at. */
const FRESH: StoreState = { epoch: '', floor: 0, unknownFloor: 0, reserved: 0, boot: '', clean: false, rules: null };

/** The file with the state, and the one that is there as long as all that was delivered is written. */
const [STATE, WHOLE] = ['state', 'whole'];

/** What a store on disk needs. */
export interface DiskStoreOptions extends StoreOptions {
  /** The folder. It is made if there is none. */
  readonly path: string;
  /** Milliseconds between two times that what was written is brought to the disk. Default: 100. */
  readonly syncInterval?: number;
  /** Default: the folder at `path`. */
  readonly files?: StoreFiles;
}

/**
 * whole: items are written before they are delivered. leaving: they cannot be, and it is being noted in the folder that they are not. memory: items are
 * delivered as they come. returning: all is written again, and items are not delivered before that.
 */
type Mode = 'whole' | 'leaving' | 'memory' | 'returning';

/**
 * Keeps items in memory and in files, so that a restart finds them. They are written before they are delivered, so when this process crashes the epoch goes
 * on. They are brought to the disk after a while, so when the machine crashes what was published last may be lost, and a new epoch begins.
 */
export class DiskStore extends LogStore implements AtTurnEnd, WriterOwner {
  degraded: string | null = null;
  readonly #files: StoreFiles;
  readonly #unlock: () => Promise<void>;
  readonly #writer: SegmentWriter;
  readonly #turns = new TurnQueue();
  readonly #syncInterval: number;
  readonly #retryTicks: number;
  #ticker: Ticker | null = null;
  #state: StoreState = FRESH;
  /** Numbers up to this one are reserved on the disk. */
  #reserved = 0;
  /** Whether the last process has crashed, and the rules that it had are not compared with those of this one yet. */
  #hasCrashed = false;
  /** Changes of rules that are not noted on the disk yet: nothing is delivered meanwhile. */
  #rulesChanging = 0;
  /** The highest number when the rules had been applied to all channels; null when they are not, or that is noted. */
  #appliedAt: number | null = null;
  #saves: Promise<unknown> = Promise.resolve();
  #mode: Mode = 'leaving';
  #head = 0;
  /** Everything up to this number is written. */
  #written = 0;
  #queued = false;
  #stopped = false;
  #finishing = false;
  /** How often items could not be written. */
  #failures = 0;
  #ticksToRetry = 0;
  /** There was no room when it was tried again. */
  #isFull = false;
  /** Wait until something was written, or could not be. */
  #waits: (() => void)[] = [];

  /**
   * Opens the store in a folder, or makes one there.
   * @throws StoreError when that is not possible: another process has it, the folder is something else, it cannot be read or written
   * @throws RangeError when the total is too small
   */
  static async open(options: DiskStoreOptions): Promise<DiskStore> {
    const files = options.files ?? new DiskFolder(options.path);
    try {
      refuseOthers(files, await files.list());
      const unlock = await takeLock(files);
      try {
        const store = new DiskStore(options, files, unlock);
        await store.#load();
        return store;
      } catch (error) {
        await unlock();
        throw error;
      }
    } catch (error) {
      throw error instanceof RangeError ? error : StoreError.of(files.path, error);
    }
  }

  private constructor(options: DiskStoreOptions, files: StoreFiles, unlock: () => Promise<void>) {
    super(options, () => randomBytes(4).readUInt32LE());
    const { syncInterval = 100 } = options;
    this.#files = files;
    this.#unlock = unlock;
    this.#writer = new SegmentWriter(this.log, files, this);
    this.#retryTicks = Math.ceil(RETRY_INTERVAL / syncInterval);
    this.#syncInterval = syncInterval;
    this.log.released = (segment) => this.#writer.release(segment);
  }

  get epoch(): string {
    return this.#state.epoch;
  }

  get head(): number {
    return this.#mode === 'memory' ? this.log.last : this.#head;
  }

  override setRules(rules: string, limitsOf: (channel: string) => ChannelLimits | null): void {
    const { log } = this;
    const isOther = rules !== this.rules;
    super.setRules(rules, limitsOf);
    const hasCrashed = this.#hasCrashed;
    this.#hasCrashed = false;
    if (!isOther) return;
    // It is not known which rules there were last, and which channels had items that were not kept.
    if (hasCrashed) log.epochFloor = log.last;
    this.#appliedAt = null;
    this.#rulesChanging++;
    // The state has no rules until these are applied to all channels, and the files say so.
    const saved = this.#save({ rules: null, unknownFloor: log.unknownFloor, floor: log.epochFloor });
    this.#try(
      saved.finally(() => {
        this.#rulesChanging--;
        this.#advance();
      }),
    );
  }

  protected override applied(): void {
    this.#appliedAt = this.log.last;
  }

  override async stop(): Promise<void> {
    await super.stop();
    this.#ticker?.stop();
    this.#stopped = true;
    this.#enqueue();
    while (!this.#isAtRest) await this.#change();
    await this.#writer.syncWritten();
    if (this.#mode === 'whole') {
      await this.#save({ clean: true, reserved: this.log.last, rules: this.rules }).catch((error: Error) =>
        this.onWriteError(error),
      );
    }
    await this.#writer.close();
    await this.#unlock();
  }

  /** Whether all is written, or cannot be. */
  get #isAtRest(): boolean {
    if (this.#writer.isWriting) return false;
    return this.#mode === 'memory' || (this.#mode === 'whole' && this.#writer.isIdle && this.calls.size === 0);
  }

  onTurnEnd(): void {
    this.#queued = false;
    if (this.#mode === 'whole' || this.#mode === 'returning') this.#writer.write();
  }

  onWritten(upTo: number): void {
    this.#written = upTo;
    if (this.#appliedAt !== null && (upTo > this.#appliedAt || this.#writer.isWritten)) {
      this.#appliedAt = null;
      this.#try(this.#save({ rules: this.rules }));
    }
    if (this.#mode === 'memory') {
      // What had to wait is written. What comes now is not delivered before it is written, too.
      this.#head = this.log.last;
      this.#mode = 'returning';
      this.#enqueue();
    } else if (this.#mode === 'returning' && !this.#finishing) {
      this.#finishing = true;
      this.#try(
        this.#finish().catch((error: Error) => {
          this.#finishing = false;
          throw error;
        }),
      );
    }
    this.#advance();
  }

  onWriteError(error: Error): void {
    if (this.#mode === 'memory') this.#isFull = NO_ROOM.has((error as NodeJS.ErrnoException).code);
    if (this.#mode === 'returning') this.#deliverAll();
    this.#wake();
    if (this.#mode !== 'whole') return;
    this.#mode = 'leaving';
    this.degraded = `items are not written to ${this.#files.path}: ${systemErrorText(error)}`;
    const { path } = this.#files;
    // Also where there is no room a file can be removed. Without this one the next start knows that items may be missing.
    this.#files
      .remove(WHOLE)
      .catch((failed: Error) => {
        this.report.log.error({ path, reason: systemErrorText(failed) }, 'history cannot be marked as incomplete');
      })
      .finally(() => this.#deliverAll())
      .catch((thrown: unknown) => fault(this, thrown));
    this.report.log.error({ path, reason: systemErrorText(error) }, 'history is kept in memory only');
  }

  override onFault(thrown: unknown): void {
    super.onFault(thrown);
    // Whatever it was, items are delivered.
    if (this.#mode === 'whole') this.onWriteError(thrown as Error);
  }

  protected override store(): void {
    if (this.log.last > this.#state.reserved - RESERVE / 2) {
      this.#try(this.#save({ reserved: this.log.last + RESERVE }).then(() => this.#advance()));
    }
    if (this.#mode === 'memory') this.calls.settle(this.log.last);
    else this.#enqueue();
  }

  async #load(): Promise<void> {
    const files = this.#files;
    const { log } = this.report;
    const names = await files.list();
    for (const name of names) if (name.startsWith(`${STATE}.`)) await files.remove(name);
    const boot = await files.bootId();
    const state = names.includes(STATE) ? parseState((await files.read(STATE)).toString()) : null;
    if (names.includes(STATE) && state === null) {
      log.error({ path: files.path, file: STATE }, 'state of the history store is damaged');
    }
    const clean = state?.clean ?? false;
    const known = state !== null && names.includes(WHOLE) && (clean || (boot !== '' && boot === state.boot));
    const serials = names.map(serialOf).filter((serial) => serial !== null);
    serials.sort((one, other) => one - other);
    const proven = await readBack(files, this.log, log, serials, { proven: known, clean });
    // What was reserved is not known where the state is not.
    this.log.last = Math.max(this.log.last, state?.reserved ?? this.log.last + Math.min(serials.length, 1) * RESERVE);
    this.log.unknownFloor = Math.max(this.log.unknownFloor, state?.unknownFloor ?? 0);
    this.log.epochFloor = state !== null && proven ? state.floor : this.log.last;
    if (names.length > 0 && !proven && serials.length > 0) {
      log.warn({ path: files.path }, 'history cannot be continued: a new epoch begins');
    }
    this.rules = state?.rules ?? null;
    this.#hasCrashed = state !== null && !clean;
    this.#head = this.log.last;
    this.#written = this.log.last;
    this.#writer.start();
    await this.#save({
      epoch: state !== null && proven ? state.epoch : newEpoch(),
      floor: this.log.epochFloor,
      unknownFloor: this.log.unknownFloor,
      rules: this.rules,
      boot,
      clean: false,
      reserved: this.log.last + RESERVE,
    });
    if (!names.includes(WHOLE)) await files.create(WHOLE);
    this.#mode = 'whole';
    this.#ticker = new Ticker(this.#syncInterval, this, () => this.#tick());
    this.start();
  }

  #tick(): void {
    if (this.#mode === 'whole') {
      this.#writer.sync().catch((thrown: unknown) => fault(this, thrown));
    } else if (this.#mode === 'memory' && --this.#ticksToRetry <= 0) {
      this.#ticksToRetry = this.#retryTicks;
      this.#files
        .remove(WHOLE)
        .then(() => (this.#isFull ? this.#writer.removeReleased() : undefined))
        .then(
          guarded(this, () => {
            if (this.#mode === 'memory' && !this.#stopped) this.#writer.write();
          }),
        )
        // It is tried again.
        .catch(() => undefined);
    }
  }

  #enqueue(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#turns.add(this);
  }

  /** Items that are written, and whose numbers are reserved, may be delivered. */
  #advance(): void {
    if (this.#mode === 'whole' && this.#rulesChanging === 0) {
      this.#head = Math.max(this.#head, Math.min(this.#written, this.#reserved));
      this.calls.settle(this.#head);
    }
    this.#wake();
  }

  /** Items are delivered, whether they are written or not. */
  #deliverAll(): void {
    this.#mode = 'memory';
    this.#failures++;
    this.#ticksToRetry = this.#retryTicks;
    this.calls.settle(this.log.last);
    this.#wake();
  }

  /** All is written: brings it to the disk, and notes that. */
  async #finish(): Promise<void> {
    const failures = this.#failures;
    await this.#writer.syncWritten();
    if (failures === this.#failures) await this.#save({ reserved: this.log.last + RESERVE });
    if (failures === this.#failures) await this.#files.create(WHOLE);
    if (failures !== this.#failures) await this.#files.remove(WHOLE);
    this.#finishing = false;
    if (failures !== this.#failures) return;
    this.#mode = 'whole';
    this.degraded = null;
    this.report.log.info({ path: this.#files.path }, 'history is written to the disk again');
    this.#advance();
  }

  /** Writes the state with these changes. Resolves when it is on the disk. */
  #save(change: Partial<StoreState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    const saved = this.#saves
      .catch(() => undefined)
      .then(async () => {
        const state = this.#state;
        await this.#files.replace(STATE, stateText(state));
        this.#reserved = state.reserved;
      });
    this.#saves = saved;
    return saved;
  }

  #try(done: Promise<void>): void {
    done.catch(guarded(this, (error: Error) => this.onWriteError(error)));
  }

  /** Resolves when something was written, or could not be. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waits.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waits.splice(0)) resolve();
  }
}

/** @throws StoreError where something else is in the folder */
export function refuseOthers({ path }: Pick<StoreFiles, 'path'>, names: readonly string[]): void {
  if (names.includes(STATE)) return;
  const other = names.find((name) => !isOurs(name));
  if (other === undefined) return;
  throw new StoreError(path, `it has ${other}, so it is no store; name an empty folder, or one that does not exist`);
}

function isOurs(name: string): boolean {
  return name === WHOLE || isLock(name) || name.includes('.segment') || name.startsWith(STATE) || name === 'lost+found';
}
