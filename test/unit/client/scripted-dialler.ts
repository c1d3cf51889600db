import type { OnReadOpts } from 'node:net';
import {
  DialError,
  type DialErrorKind,
  type Dialler,
  type Dialling,
  type DialSink,
  type DialTarget,
} from '../../../src/net/index.ts';

/** A dialler under which nothing becomes of a dial until the test says what. */
export class ScriptedDialler implements Dialler {
  readonly dials: ScriptedDial[] = [];

  dial(target: DialTarget, sink: DialSink, _onRead: OnReadOpts): Dialling {
    const dial = new ScriptedDial(target, sink);
    this.dials.push(dial);
    return dial;
  }
}

/** One dial. */
export class ScriptedDial implements Dialling {
  readonly target: DialTarget;
  cancelled = false;
  readonly #sink: DialSink;

  constructor(target: DialTarget, sink: DialSink) {
    this.target = target;
    this.#sink = sink;
  }

  fail(kind: DialErrorKind, message: string): void {
    this.#sink.onDialFailed(new DialError(kind, message));
  }

  cancel(): void {
    this.cancelled = true;
  }
}
