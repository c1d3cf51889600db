import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { RequestHead, Service } from '../../../src/exchange/index.ts';
import { FilesCounters, type FolderOptions, StaticFiles, type StaticFilesOptions } from '../../../src/files/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** When files of tests were changed: long before the present of their room. */
export const CHANGED = new Date('2026-01-02T03:04:05.500Z');

/** A requester that takes responses to HEAD, whose bodies are shorter than they say. */
export class FileRequester extends FakeRequester {
  protected override strict = false;
}

/** A folder with files, and a room that serves it by clocks that the test sets. */
export class FilesFixture {
  readonly folder: string;
  readonly counters = new FilesCounters();
  readonly log = new FakeLog();
  /** Milliseconds since 1970. Default: an hour after the files were made, which is when their inodes change. */
  date = Date.now() + 3_600_000;
  clock = 1_000_000;
  readonly wheel = new TimerWheel();
  readonly files: StaticFiles;

  constructor(
    t: TestContext,
    files: Readonly<Record<string, string | Buffer>> = {},
    bounds: Pick<StaticFilesOptions, 'maxKept' | 'maxOpen'> = {},
  ) {
    this.folder = temporaryFolder(t);
    const { counters, log, wheel } = this;
    t.after(() => wheel.stop());
    this.files = new StaticFiles({ ...bounds, counters, log, wheel, date: () => this.date, clock: () => this.clock });
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  /** Files that are in use. Those that are not are closed. */
  get used(): number {
    this.files.close();
    return this.counters.filesOpen;
  }

  write(name: string, content: string | Buffer, changed = CHANGED): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, changed, changed);
  }

  service(options: Partial<FolderOptions> = {}, prefix = '/'): Service {
    return this.files
      .folder({
        root: this.folder,
        indexFile: 'index.html',
        defaultType: 'text/plain',
        types: {},
        cacheTtl: 0,
        followLinks: false,
        server: 'test',
        ...options,
      })
      .service(prefix);
  }
}

/** A requester that copies the bytes that it is lent. */
export class BorrowingRequester extends FileRequester {
  /** What it says of each loan. */
  free = true;
  loans = 0;

  onResponseLoan(chunk: Buffer, more: boolean): boolean {
    this.loans++;
    this.onResponseData(this.free ? Buffer.from(chunk) : chunk, more);
    return this.free;
  }
}

/** Asks a service. */
export function ask(service: Service, target: string, fields: Partial<RequestHead> = {}): FileRequester {
  return askFor(new FileRequester(fields.credits ?? 65_536), service, target, fields);
}

/** Asks a service for `requester`. */
export function askFor<T extends FileRequester>(
  requester: T,
  service: Service,
  target: string,
  fields: Partial<RequestHead> = {},
): T {
  const request = requestHead({ target, credits: requester.credits, ...fields });
  requester.responder = service(request, requester);
  return requester;
}

/** The whole response as text: status, fields that say something about the file, and the body. */
export async function responseOf(requester: FileRequester): Promise<string> {
  const head = await requester.completed();
  return `${head.status} ${requester.body}`;
}

export function fieldOf({ head }: FileRequester, name: string): string | undefined {
  const headers = head?.headers ?? [];
  const index = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return index < 0 ? undefined : headers[index + 1];
}
