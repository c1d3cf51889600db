import { connect } from 'node:net';
import { RawClient } from '../../support/raw-client.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';

/** Milliseconds that one misdeed of a hostile actor takes at most. */
const MISDEED_MS = 3_000;

/** Milliseconds within which all actors have to end. */
const SETTLING_MS = 30_000;

/** A randomised run: many actors, ordinary and hostile, each with random numbers of its own, until it is told to end. */
export class Chaos {
  /** Where clients connect. */
  readonly address: string;
  /** Where publishers connect. */
  readonly control: string;
  /** What ordinary actors have seen that they should not have. */
  readonly failures: string[] = [];
  /** What each kind of actor has done so far, by its name. */
  readonly done = new Map<string, number>();
  /** Whether actors begin anything new. */
  going = true;
  readonly #random: SeededRandom;
  readonly #actors: Promise<void>[] = [];

  constructor(address: string, control: string, random: SeededRandom) {
    this.address = address;
    this.control = control;
    this.#random = random;
  }

  fail(what: string): void {
    if (this.failures.length < 50) this.failures.push(what);
  }

  count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }

  /** Lets an actor act that does everything rightly, and to whom everything has to be done rightly: what it throws is a failure. */
  ordinary(name: string, act: (random: SeededRandom) => Promise<void>): void {
    const acting = act(this.#random.fork()).catch((error: unknown) => {
      this.fail(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
    this.#actors.push(acting);
  }

  /** Lets an actor commit one misdeed after the other, each on a connection of its own; what becomes of it does not matter. */
  hostile(name: string, address: string, misdeeds: readonly Misdeed[]): void {
    const random = this.#random.fork();
    const act = async () => {
      while (this.going) {
        const client = this.open(address);
        await Promise.race([
          random
            .pick(misdeeds)(client, random)
            .catch(() => {}),
          pause(MISDEED_MS),
        ]);
        if (random.below(2) === 0 && !client.socket.connecting) client.reset();
        else client.socket.destroy();
        this.count(name);
        await pause(random.below(60));
      }
    };
    this.#actors.push(act());
  }

  /** Opens a connection, which may fail. */
  open(address: string): RawClient {
    const [host, port] = address.split(':');
    return new RawClient(connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true }));
  }

  /** Resolves when all actors have ended, after `going` was set to false; that some never do is a failure. */
  async settled(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.fail('some actors still wait for what is due to them');
        resolve();
      }, SETTLING_MS);
    });
    await Promise.race([Promise.all(this.#actors), late]);
    clearTimeout(timer);
  }
}

/** Something that a hostile actor does on a connection of its own. It may throw, and is broken off after a while. */
export type Misdeed = (client: RawClient, random: SeededRandom) => Promise<unknown>;

/** Lets time pass: actors keep to a pace, so that the run is about what they do and not about how fast the machine is. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
