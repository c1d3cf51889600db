// `npm run bench -- NAME [options]`: runs one bench. Exits 0 if its targets are met, 1 if not or if it failed, 2 on wrong usage.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { accept } from './accept.ts';
import { channels } from './channels.ts';
import { cluster } from './cluster.ts';
import { edge } from './edge.ts';
import { fanout } from './fanout.ts';
import { fanoutWs } from './fanout-ws.ts';
import { fetch } from './fetch.ts';
import { files } from './files.ts';
import { hostile } from './hostile.ts';
import { idle } from './idle.ts';
import { m2 } from './m2.ts';
import { patterns } from './patterns.ts';
import { proxy } from './proxy.ts';
import { proxyWs } from './proxy-ws.ts';
import { publish } from './publish.ts';
import { resume } from './resume.ts';
import type { Bench, NumberOption } from './support/bench.ts';
import { Children } from './support/children.ts';
import { hasCommand } from './support/commands.ts';
import { printMachine, printVersions } from './support/machine.ts';
import { type Verdict, worst } from './support/rounds.ts';
import { tee } from './tee.ts';
import { transfer } from './transfer.ts';
import { upgrade } from './upgrade.ts';
import { woh } from './woh.ts';
import { ws } from './ws.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  proxy,
  'proxy-ws': proxyWs,
  woh,
  fanout,
  'fanout-ws': fanoutWs,
  publish,
  channels,
  patterns,
  cluster,
  resume,
  edge,
  ws,
  idle,
  accept,
  transfer,
  tee,
  fetch,
  m2,
  files,
  upgrade,
  hostile,
};

const ROUNDS: NumberOption = { help: 'turns of each server', default: 3, min: 1, max: 100 };
const STARTS: NumberOption = { help: 'starts of each server in a turn', default: 2, min: 1, max: 20 };
const LAUNCHER = fileURLToPath(new URL('../bin/holdfast', import.meta.url));

const VERDICTS: Readonly<Record<Verdict, string>> = {
  met: 'every target is met',
  missed: 'TARGET MISSED',
  void: 'VOID: a server lost, refused or ended something, see the lines under its turns',
};

class UsageError extends Error {}

/** The command line, checked. */
interface Command {
  readonly name: string;
  readonly bench: Bench;
  readonly rounds: number;
  readonly starts: number;
  readonly launcher: string;
  readonly pin: boolean;
  /** The parts to run; one empty name if the bench has none. */
  readonly parts: readonly string[];
  readonly values: ReadonlyMap<string, number>;
}

process.exit(await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0 || args.includes('--help')) {
    console.log(usage());
    return args.length === 0 ? 2 : 0;
  }
  try {
    return (await runBench(readCommand(args))) ? 0 : 1;
  } catch (error) {
    const wrongUsage = error instanceof UsageError;
    console.error(`bench: ${error instanceof Error ? error.message : error}${wrongUsage ? `\n\n${usage()}` : ''}`);
    return wrongUsage ? 2 : 1;
  }
}

async function runBench({ name, bench, rounds, starts, launcher, pin, parts, values }: Command): Promise<boolean> {
  for (const command of pin ? [...bench.commands, 'taskset'] : bench.commands) {
    if (!hasCommand(command)) throw new Error(`${command} is not installed`);
  }
  if (!existsSync(launcher)) throw new Error(`there is no ${launcher}`);
  const peers = bench.peers();
  console.log(`${name}: ${bench.summary}`);
  printMachine(pin);
  printVersions(launcher, peers);

  const children = new Children(pin);
  // A terminal and each wrapper between may send the same signal: the handlers stay while everything is being stopped.
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => reject(new Error(`ended by ${signal}`)));
  });
  try {
    const option = (key: string) => values.get(key) as number;
    const verdicts: Verdict[] = [];
    for (const part of parts) {
      if (part !== '') console.log(`\n${part}: ${bench.parts?.[part]}`);
      verdicts.push(
        await Promise.race([
          bench.run({ children, launcher, rounds, starts, part, option }),
          children.failure,
          interruption,
        ]),
      );
    }
    const verdict = worst(verdicts);
    console.log(`${name}: ${VERDICTS[verdict]}`);
    return verdict === 'met';
  } finally {
    await children.close();
  }
}

function readCommand(args: readonly string[]): Command {
  const [name = '', ...rest] = args;
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (bench === undefined) throw new UsageError(`there is no bench "${name}"`);
  const numbers = { rounds: ROUNDS, starts: STARTS, ...bench.options };
  const texts = Object.fromEntries(Object.keys(numbers).map((key) => [key, { type: 'string' as const }]));
  let given: Record<string, string | boolean | string[] | undefined>;
  try {
    given = parseArgs({
      args: rest,
      options: {
        ...texts,
        only: { type: 'string', multiple: true },
        holdfast: { type: 'string' },
        pin: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const values = new Map(Object.entries(numbers).map(([key, option]) => [key, readNumber(key, given[key], option)]));
  return {
    name,
    bench,
    rounds: values.get('rounds') as number,
    starts: values.get('starts') as number,
    launcher: typeof given.holdfast === 'string' ? given.holdfast : LAUNCHER,
    pin: given.pin === true,
    parts: readParts(bench, given.only as string[] | undefined),
    values,
  };
}

/** The parts that are asked for: all, if none is named. */
function readParts(bench: Bench, only: readonly string[] | undefined): string[] {
  if (bench.parts === undefined && only === undefined) return [''];
  const parts = Object.keys(bench.parts ?? {});
  for (const part of only ?? []) {
    if (!parts.includes(part))
      throw new UsageError(`--only: there is no part "${part}", but ${parts.join(', ') || 'none'}`);
  }
  return parts.filter((part) => only?.includes(part) ?? true);
}

function readNumber(key: string, text: string | boolean | string[] | undefined, option: NumberOption): number {
  const value = text === undefined ? option.default : Number(text);
  if (!Number.isInteger(value) || value < option.min || value > option.max) {
    throw new UsageError(`--${key}: expected a whole number from ${option.min} to ${option.max}, got "${text}"`);
  }
  return value;
}

function usage(): string {
  const optionLines = (options: Readonly<Record<string, NumberOption>>) =>
    Object.entries(options).map(([key, option]) => `    ${`--${key} N`.padEnd(18)} ${option.help} (${option.default})`);
  const partLines = (bench: Bench) =>
    Object.entries(bench.parts ?? {}).map(([part, help]) => `    ${`--only ${part}`.padEnd(18)} ${help}`);
  return [
    'usage: npm run bench -- NAME [options]',
    '',
    ...Object.entries(BENCHES).flatMap(([name, bench]) => [
      `  ${name}: ${bench.summary}`,
      ...partLines(bench),
      ...optionLines(bench.options),
      '',
    ]),
    '  every bench:',
    ...optionLines({ rounds: ROUNDS, starts: STARTS }),
    `    ${'--holdfast FILE'.padEnd(18)} launcher of the Holdfast to measure, to compare builds (bin/holdfast of this checkout)`,
    `    ${'--pin'.padEnd(18)} servers on core 0, load on core 1, by taskset`,
  ].join('\n');
}
