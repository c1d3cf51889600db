import type { Config, Overlay } from '../config/index.ts';
import type { FetchPlan } from './fetch-plan.ts';

/** A configuration as it was read, with everything applied to it. */
export interface LoadedConfig {
  readonly config: Config;
  /** What outbound requests are made, where that is more than `[fetch]` can say. */
  readonly plans?: readonly FetchPlan[];
  /** The file that was read; null where only defaults and the command line apply. */
  readonly file: string | null;
  /** What was set through the control API and kept; null where nothing is. */
  readonly overlay: LoadedOverlay | null;
  /** How many of the routes are from `file`, and then from the routes file. The others are of the overlay. */
  readonly fromFile: number;
  readonly fromRoutesFile: number;
  /** What has no effect. */
  readonly ignored: readonly FileIssue[];
}

/** An overlay, which is part of the configuration that it was read with. */
export interface LoadedOverlay {
  readonly file: string;
  readonly overlay: Overlay;
  /** Ids of its routes that the files have too. */
  readonly shadowed: readonly string[];
}

/** A problem with a file of the configuration. */
export interface FileIssue {
  /** Empty where it is not in a file. */
  readonly file: string;
  readonly line: number | null;
  readonly key: string;
  readonly message: string;
}

/** Where the configuration comes from: files, an overlay, and a command line. */
export interface ConfigSource {
  /**
   * Reads everything again, or, with `routes`, only the routes file.
   * @throws ReloadError for what cannot be read or is wrong
   */
  read(what: 'all' | 'routes'): Promise<LoadedConfig>;
}

/** A configuration that cannot be used: nothing has changed. */
export class ReloadError extends Error {
  override readonly name = 'ReloadError';
  /** At least one. */
  readonly issues: readonly FileIssue[];

  /** @param message one line for each issue */
  constructor(message: string, issues: readonly FileIssue[] = []) {
    super(message);
    this.issues = issues.length > 0 ? issues : [{ file: '', line: null, key: '', message }];
  }
}
