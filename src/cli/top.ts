import type { Command } from 'commander';
import type { Status } from '../control/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, type ControlTarget, controlTarget } from './control-target.ts';
import { ratesBetween, type StatusRates } from './status-rates.ts';
import { cutLine, type Screen, screenOf } from './terminal.ts';
import { type TopState, topLine, topPage } from './top-page.ts';

/** Seconds for which a server may be away before `top` gives up, where nobody watches a screen. */
const PATIENCE = 30;

const CLEAR = '\u001b[H';
const TO_LINE_END = '\u001b[K';
const TO_PAGE_END = '\u001b[J';
const OPEN_SCREEN = '\u001b[?1049h\u001b[?25l';
const CLOSE_SCREEN = '\u001b[?25h\u001b[?1049l';

/** `holdfast top`: what a server does, as it does it. */
export function topCommand(): Command {
  const command = newCommand('top', 'Show what a running server does, every second.', 'holdfast top');
  return addControlOptions(command)
    .addHelpText('after', '\nOn a terminal q or Ctrl-C ends it. Elsewhere it prints a line a second.')
    .action(async (options: ControlOptions) => {
      const target = controlTarget(options);
      const screen = screenOf(process.stdout);
      const view = screen.isTTY && process.stdin.isTTY === true ? new FullScreen() : new Lines();
      try {
        await watch(target, view);
      } finally {
        view.close();
      }
    });
}

/** Shows what comes. */
interface View {
  /** Whether somebody looks, who can end this. */
  readonly isWatched: boolean;
  /** Aborted when that somebody wants no more. */
  readonly ended: boolean;
  show(state: TopState): void;
  close(): void;
}

async function watch(target: ControlTarget, view: View): Promise<void> {
  const client = new ControlClient(target);
  let before: Status | null = null;
  let rates: StatusRates | null = null;
  let away = 0;
  // The first attempt has to succeed: what is wrong with it does not mend itself.
  for (let first = true; !view.ended; first = false) {
    try {
      for await (const { event, data } of client.events('/events')) {
        if (view.ended) return;
        if (event !== 'status') continue;
        const status = data as Status;
        if (before !== null) rates = ratesBetween(before, status) ?? rates;
        before = status;
        away = 0;
        view.show({ status, rates, name: target.name, lost: null });
      }
    } catch (error) {
      if (first || !(error instanceof CliError)) throw error;
    }
    if (!view.isWatched && ++away > PATIENCE) throw new CliError(`${target.name} is gone`);
    if (before !== null) view.show({ status: before, rates: null, name: target.name, lost: new Date() });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** A line for each status. */
class Lines implements View {
  readonly isWatched = false;
  readonly ended = false;

  show(state: TopState): void {
    if (state.lost === null) console.log(topLine(state, new Date()));
    else console.error(`no connection to ${state.name}, trying again`);
  }

  close(): void {}
}

/** The whole terminal. */
class FullScreen implements View {
  readonly isWatched = true;
  ended = false;
  #state: TopState | null = null;
  readonly #onKey = (key: Buffer): void => {
    // q, Q, Ctrl-C, Ctrl-D.
    if (['q', 'Q', '\u0003', '\u0004'].includes(key.toString())) this.#end();
  };
  readonly #onResize = (): void => this.#draw();
  readonly #onSignal = (): void => this.#end();

  constructor() {
    process.stdin.setRawMode(true).resume().on('data', this.#onKey);
    process.stdout.on('resize', this.#onResize);
    process.on('SIGTERM', this.#onSignal);
    process.stdout.write(OPEN_SCREEN);
  }

  show(state: TopState): void {
    this.#state = state;
    this.#draw();
  }

  close(): void {
    process.stdout.off('resize', this.#onResize);
    process.stdin.off('data', this.#onKey).setRawMode(false).pause();
    process.stdout.write(CLOSE_SCREEN);
  }

  #end(): void {
    this.ended = true;
    this.close();
    process.exit(0);
  }

  #draw(): void {
    if (this.#state === null || this.ended) return;
    const screen: Screen = screenOf(process.stdout);
    const lines = topPage(this.#state, screen).slice(0, screen.rows - 1);
    const text = lines.map((line) => cutLine(line, screen.columns) + TO_LINE_END).join('\r\n');
    process.stdout.write(`${CLEAR}${text}\r\n${TO_PAGE_END}`);
  }
}
