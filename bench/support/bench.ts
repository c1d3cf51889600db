import type { Children } from './children.ts';
import type { Verdict } from './rounds.ts';

/** A number that a bench takes from its command line. */
export interface NumberOption {
  readonly help: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** What a bench gets to run. */
export interface Run {
  readonly children: Children;
  /** Path of the program that starts Holdfast. */
  readonly launcher: string;
  readonly rounds: number;
  /** How often each server is started in a round. */
  readonly starts: number;
  /** Which of the bench's parts is asked for; empty if it has none. */
  readonly part: string;
  /** Value of one of the bench's own options. */
  option(name: string): number;
}

/** One bench: a question, its peers and its targets. */
export interface Bench {
  /** What is measured, in one line. */
  readonly summary: string;
  readonly options: Readonly<Record<string, NumberOption>>;
  /** What it consists of, by name with what each measures: each part is run on its own. None if it is one comparison. */
  readonly parts?: Readonly<Record<string, string>>;
  /** Commands that must be there. */
  readonly commands: readonly string[];
  /** Versions of the peers, for the record. Throws if something is missing that `commands` does not tell. */
  peers(): readonly string[];
  /** Runs the bench, or one part of it, and prints what it finds. */
  run(run: Run): Promise<Verdict>;
}
