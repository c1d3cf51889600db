import type { Config } from '../config/index.ts';
import { type ExchangeObserver, type ExchangeRecord, type Log, systemErrorText } from '../exchange/index.ts';
import { type AccessLine, combinedLine, jsonLine, logfmtLine } from './access-line.ts';
import { AccessLogFile } from './access-log-file.ts';
import { anonymousAddress } from './anonymous-address.ts';
import type { Observers } from './observers.ts';
import type { Prepared } from './prepared.ts';
import { StandardLines } from './standard-lines.ts';

type Section = Config['accessLog'];

/** An exchange that is over, and how it is to be logged. */
interface EndedExchange {
  readonly record: ExchangeRecord;
  readonly role: string;
  readonly section: Section;
  /** When it ended, by `Date.now`. */
  readonly time: number;
}

/** Where lines go. */
interface LineOutput {
  write(ended: EndedExchange): void;
  reopen(): boolean;
  close(): void;
}

/** Who may read a file of the log: its owner and group. */
const FILE_MODE = 0o640;

const LINES: Readonly<Record<Section['format'], AccessLine>> = {
  json: jsonLine,
  combined: combinedLine,
  logfmt: logfmtLine,
};

/** What the access log counts. */
export class AccessLogTotals {
  /** Lines that were written, or are about to be. */
  lines = 0;
  /** Lines that could not be written. */
  linesLost = 0;
}

/** The access log of all roles of this process: one line for each exchange, or for the WebSocket that it became. */
export class AccessLogs {
  readonly counters = new AccessLogTotals();
  readonly observers: Observers;
  readonly #log: Log;
  #section: Section | null = null;
  #output: LineOutput | null = null;

  /** @param observers of the roles whose exchanges it logs */
  constructor(observers: Observers, log: Log) {
    this.observers = observers;
    this.#log = log;
  }

  /**
   * Prepares to log as `section` says.
   * @throws Error when its file cannot be opened
   */
  prepare(section: Section): Prepared {
    if (this.#section?.to === section.to) {
      return { commit: () => this.#use(section, this.#output), discard: () => {} };
    }
    const output = this.#open(section.to);
    return {
      commit: () => {
        const former = this.#output;
        this.#use(section, output);
        former?.close();
      },
      discard: () => output?.close(),
    };
  }

  /** The file has been moved away. Returns false if it cannot be opened again: the old one stays in use. */
  reopen(): boolean {
    return this.#output?.reopen() ?? true;
  }

  /** Writes what waits, for the last time. */
  close(): void {
    this.observers.use('access log', null);
    this.#output?.close();
    this.#output = null;
    this.#section = null;
  }

  #use(section: Section, output: LineOutput | null): void {
    this.#section = section;
    this.#output = output;
    this.observers.use('access log', output === null ? null : (role) => this.#observer(role, section));
  }

  #open(to: string): LineOutput | null {
    if (to === '') return null;
    const onLost = (lines: number): void => {
      this.counters.linesLost += lines;
    };
    if (to === 'stdout' || to === 'journal') return new StandardLines(lineOf, to === 'journal', onLost, this.#log);
    try {
      return new AccessLogFile(to, lineOf, onLost, this.#log, FILE_MODE);
    } catch (error) {
      throw new Error(`cannot write the access log ${to}: ${systemErrorText(error)}`);
    }
  }

  #observer(role: string, section: Section): ExchangeObserver {
    const { sample } = section;
    const { counters } = this;
    return {
      onExchangeEnd: (record) => {
        // The present one: what began before a reload ends after it, maybe hours later, when the file that was in use then is closed.
        const output = this.#output;
        if (output === null || record.quiet) return;
        if (sample < 1 && !isFailure(record) && Math.random() >= sample) return;
        counters.lines++;
        output.write({ record, role, section, time: Date.now() });
      },
    };
  }
}

function lineOf({ record, role, section: { format, anonymize }, time }: EndedExchange): string {
  const { client } = record;
  return LINES[format](record, role, anonymize ? anonymousAddress(client) : client, time);
}

/** Whether an exchange has failed, so that it is logged whatever the sample: a client that leaves has not. */
function isFailure({ status, error }: ExchangeRecord): boolean {
  return status >= 500 || (error !== '' && error !== 'HF_CLIENT_GONE');
}
