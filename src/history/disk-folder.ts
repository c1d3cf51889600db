import { close, constants, fdatasync, open, readFileSync, write } from 'node:fs';
import { access, mkdir, open as openFile, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder, writePrivately } from '../exchange/index.ts';
import type { StoreFiles, WrittenFile } from './store-files.ts';

const [closeFile, syncFile] = [promisify(close), promisify(fdatasync)];

/** A folder of the file system. */
export class DiskFolder implements StoreFiles {
  readonly path: string;
  readonly self = `${process.pid}-${startOf(process.pid) ?? ''}`;

  constructor(path: string) {
    this.path = path;
  }

  bootId(): Promise<string> {
    return readFile('/proc/sys/kernel/random/boot_id', 'latin1').then(
      (text) => text.trim(),
      () => '',
    );
  }

  isAlive(name: string): boolean {
    const [pid = '', start = ''] = name.split('-');
    // Another process may have the id meanwhile: then it has started at another time.
    return startOf(Number(pid)) === start;
  }

  async list(): Promise<string[]> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const names = await readdir(this.path);
    await access(this.path, constants.W_OK);
    return names;
  }

  async read(name: string): Promise<Buffer> {
    const file = await openFile(this.#in(name), 'r');
    try {
      const { size } = await file.stat();
      const bytes = Buffer.from(new ArrayBuffer(size));
      for (let at = 0; at < size; ) {
        const { bytesRead } = await file.read(bytes, at, size - at, at);
        if (bytesRead === 0) throw new Error('the file has become shorter');
        at += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  }

  replace(name: string, content: string): Promise<void> {
    return writePrivately(this.#in(name), content);
  }

  async create(name: string): Promise<void> {
    const file = await openFile(this.#in(name), 'wx', 0o600);
    await file.close();
  }

  rename(from: string, to: string): Promise<void> {
    return rename(this.#in(from), this.#in(to));
  }

  truncate(name: string, length: number): Promise<void> {
    return truncate(this.#in(name), length);
  }

  remove(name: string): Promise<void> {
    return rm(this.#in(name), { force: true });
  }

  open(name: string): Promise<WrittenFile> {
    return new Promise((resolve, reject) => {
      open(this.#in(name), constants.O_WRONLY | constants.O_CREAT, 0o600, (error, fd) => {
        if (error === null) resolve(new DiskFile(fd));
        else reject(error);
      });
    });
  }

  syncFolder(): Promise<void> {
    return syncFolder(this.path);
  }

  #in(name: string): string {
    return join(this.path, name);
  }
}

class DiskFile implements WrittenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Buffer, position: number, done: (error: Error | null) => void): void {
    write(this.#fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null) done(error);
      else if (written === bytes.length) done(null);
      else this.write(bytes.subarray(written), position + written, done);
    });
  }

  sync(): Promise<void> {
    return syncFile(this.#fd);
  }

  close(): Promise<void> {
    return closeFile(this.#fd);
  }
}

/** When a process was started, in ticks since the machine was; '' where the system does not tell, null if there is no such process, or it has ended. */
function startOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is another user's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the third field and the 22nd; the second one is in brackets and may have spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // One that nobody has waited for, as in containers without an init process, has ended all the same.
    return fields[0] === 'Z' ? null : (fields[19] ?? '');
  } catch {
    return '';
  }
}
