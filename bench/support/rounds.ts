import { median } from './statistics.ts';

/** Rounds of one program that differ by more than this are worth a warning. */
const MAX_SPREAD = 1.3;

/** One figure that every turn yields. */
export interface Column {
  readonly key: string;
  /** Heading with the unit. */
  readonly title: string;
  readonly digits: number;
}

/** What one server did in one turn. */
export interface Turn {
  readonly figures: Readonly<Record<string, number>>;
  /** What makes the turn void: something lost, refused or closed. */
  readonly problems: readonly string[];
}

/** One server that takes its turn in every round: started, warmed up, measured, stopped. */
export interface Subject {
  readonly name: string;
  turn(): Promise<Turn>;
}

/** What Holdfast has to reach. */
export interface Target {
  /** Name of the subject that has to reach it; by default the first. */
  readonly subject?: string;
  /** Key of a column. */
  readonly column: string;
  /** Name of the peer that the figure is divided by; null if the figure itself counts. */
  readonly peer: string | null;
  /** Whether that of the peer is taken off instead. Default: false. */
  readonly more?: boolean;
  /** The bound; one of the two is given. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** How a comparison ended: `void` if a turn had problems, whatever its figures say. */
export type Verdict = 'met' | 'missed' | 'void';

/** How several comparisons ended together: as the worst of them. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.includes('void') ? 'void' : verdicts.includes('missed') ? 'missed' : 'met';
}

/** One comparison: Holdfast and its peers. */
export interface Comparison {
  readonly rounds: number;
  /** How often each server is started in a round: what is compiled as it runs, and where it is placed, differ by start. */
  readonly starts: number;
  /** Holdfast comes first. */
  readonly subjects: readonly [Subject, ...Subject[]];
  readonly columns: readonly Column[];
  readonly targets: readonly Target[];
}

/**
 * Lets the subjects take turns (A B A B …) and prints every turn, the medians, and for each target the median of what the
 * rounds gave.
 */
export async function compare(comparison: Comparison): Promise<Verdict> {
  const { subjects, columns, targets } = comparison;
  const nameWidth = Math.max(...subjects.map((subject) => subject.name.length));
  const turns = new Map<string, Turn[]>(subjects.map((subject) => [subject.name, []]));
  let problems = 0;
  const row = (label: string, name: string, cells: readonly string[]) =>
    console.log(
      `${label.padEnd(10)}  ${name.padEnd(nameWidth)}  ${cells.map((cell, i) => cell.padStart(columns[i]?.title.length ?? 0)).join('  ')}`,
    );

  row(
    '',
    '',
    columns.map((column) => column.title),
  );
  for (let round = 1; round <= comparison.rounds; round++) {
    const started = new Map<string, Turn[]>(subjects.map((subject) => [subject.name, []]));
    for (let start = 1; start <= comparison.starts; start++) {
      for (const subject of subjects) {
        const turn = await subject.turn();
        started.get(subject.name)?.push(turn);
        row(
          comparison.starts === 1 ? `round ${round}` : `${round}, start ${start}`,
          subject.name,
          columns.map((column) => format(turn.figures[column.key], column.digits)),
        );
        for (const problem of turn.problems) {
          problems++;
          console.log(`            ${subject.name}: ${problem}`);
        }
      }
    }
    for (const [name, each] of started) turns.get(name)?.push(mean(each));
  }

  const figures = (name: string, key: string) => (turns.get(name) ?? []).map((turn) => turn.figures[key] ?? Number.NaN);
  for (const { name } of subjects) {
    row(
      'median',
      name,
      columns.map((column) => format(median(figures(name, column.key)), column.digits)),
    );
  }

  for (const { name } of subjects) warnOfSpread(name, figures(name, columns[0]?.key ?? ''));

  let met = true;
  for (const target of targets) {
    const ours = target.subject ?? subjects[0].name;
    const own = figures(ours, target.column);
    const peer = target.peer === null ? null : figures(target.peer, target.column);
    const against = (value: number, other = Number.NaN) => (target.more ? value - other : value / other);
    const values = own.map((value, i) => (peer === null ? value : against(value, peer[i])));
    const value = median(values);
    const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = target;
    const reached = value >= atLeast && value <= atMost;
    const bound = target.atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    met &&= reached;
    const title = columns.find((column) => column.key === target.column)?.title;
    console.log(
      `${(reached ? 'met' : 'MISSED').padEnd(10)}${ours}${target.peer === null ? '' : ` ${target.more ? '-' : '/'} ${target.peer}`}: ${title}: ` +
        `median ${value.toFixed(3)} of ${values.map((each) => each.toFixed(3)).join(' ')}, target ${bound}`,
    );
  }
  if (problems > 0) return 'void';
  return met ? 'met' : 'missed';
}

/** The turn of a round that had several starts. */
function mean(turns: readonly Turn[]): Turn {
  const figures: Record<string, number> = {};
  for (const key of Object.keys(turns[0]?.figures ?? {})) {
    figures[key] = turns.reduce((sum, turn) => sum + (turn.figures[key] ?? Number.NaN), 0) / turns.length;
  }
  return { figures, problems: [] };
}

/** Says when the rounds of one program differ so much that its ratios mean little. */
function warnOfSpread(name: string, values: readonly number[]): void {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (!(most > least * MAX_SPREAD)) return;
  console.log(
    `spread    the rounds of ${name} differ by ${(most / least).toFixed(2)} times: run it again, with more rounds and nothing beside it`,
  );
}

function format(value: number | undefined, digits: number): string {
  const text = (value ?? Number.NaN).toFixed(digits);
  // Thousands apart: rates have six digits.
  return digits > 0 ? text : text.replace(/\B(?=(\d{3})+$)/g, ',');
}
