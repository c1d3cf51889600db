import { deserialize, serialize } from 'node:v8';
import type { Config, Route } from '../config/index.ts';
import type { CertificatePairs } from './certificates.ts';
import type { LogLevel } from './logger.ts';

/** Routes in one part: some milliseconds of work for who reads it. */
const PART_ROUTES = 250;

/** A part of what a worker process is to use from now on. */
export type ChangePart =
  | {
      readonly kind: 'whole';
      /** Without its routes, which follow. */
      readonly config: Config;
      readonly certificates: CertificatePairs;
    }
  | { readonly kind: 'routes'; readonly routes: readonly Route[] }
  /** One route takes the place of those with its id. */
  | { readonly kind: 'put'; readonly route: Route }
  | { readonly kind: 'remove'; readonly id: string }
  | { readonly kind: 'certificates'; readonly certificates: CertificatePairs }
  | {
      readonly kind: 'edge';
      readonly edge: Config['edge'];
      readonly logLevel: LogLevel;
      readonly accessLog: Config['accessLog'];
      readonly trace: Config['trace'];
      readonly certificates: CertificatePairs;
    };

/** The parts of one change, each made when it is asked for. They are texts, which any channel takes. */
export class ChangeParts {
  readonly count: number;
  readonly #make: (index: number) => ChangePart;
  readonly #made = new Map<number, string>();

  private constructor(count: number, make: (index: number) => ChangePart) {
    this.count = count;
    this.#make = make;
  }

  /** Replaces the configuration as a whole. */
  static whole(config: Config, certificates: CertificatePairs): ChangeParts {
    const { routes } = config;
    return new ChangeParts(1 + Math.ceil(routes.length / PART_ROUTES), (index) => {
      if (index === 0) return { kind: 'whole', config: { ...config, routes: [] }, certificates };
      return { kind: 'routes', routes: routes.slice((index - 1) * PART_ROUTES, index * PART_ROUTES) };
    });
  }

  static of(part: ChangePart): ChangeParts {
    return new ChangeParts(1, () => part);
  }

  part(index: number): string {
    let text = this.#made.get(index);
    if (text === undefined) {
      text = encodeValue(this.#make(index));
      this.#made.set(index, text);
    }
    return text;
  }
}

/** A value of plain data as text. */
export function encodeValue(value: unknown): string {
  return serialize(value).toString('base64');
}

/** The value that `encodeValue` wrote. */
export function decodeValue<T>(text: string): T {
  return deserialize(Buffer.from(text, 'base64')) as T;
}
