/** What one look at an installation has found. */
export interface Finding {
  /** What was looked at: `listen`, `certificate`, `origin`, … */
  readonly check: string;
  /** Which one: an address, a file, a name. */
  readonly subject: string;
  /** `warn`: works now, or for most. `fail`: does not work. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do about it; empty for nothing. */
  readonly advice: string;
}

/** Makes the findings of one check. */
export class Findings {
  readonly all: Finding[] = [];
  readonly #check: string;

  constructor(check: string) {
    this.#check = check;
  }

  ok(subject: string, text: string): void {
    this.#add('ok', subject, text, '');
  }

  warn(subject: string, text: string, advice: string): void {
    this.#add('warn', subject, text, advice);
  }

  fail(subject: string, text: string, advice: string): void {
    this.#add('fail', subject, text, advice);
  }

  #add(status: Finding['status'], subject: string, text: string, advice: string): void {
    this.all.push({ check: this.#check, subject, status, text, advice });
  }
}
