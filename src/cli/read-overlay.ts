import { join } from 'node:path';
import { checkRouting } from '../app/index.ts';
import {
  type Config,
  ConfigError,
  type ConfigIssue,
  EMPTY_OVERLAY,
  keyName,
  type Overlay,
  oneProcessReasons,
  overlayKey,
  parseOverlay,
  stateFolder,
  withOverlay,
} from '../config/index.ts';
import { checkIdentity } from '../net/index.ts';
import { configFailure } from './cli-error.ts';
import type { ConfigTexts } from './config-texts.ts';

/** The name of the overlay in the folder of the state. */
const OVERLAY_FILE = 'overlay.json';

/** An overlay, and the configuration with it. */
export interface OverlayReading {
  readonly config: Config;
  readonly overlay: Overlay;
  readonly file: string;
  /** Ids of its routes that the files have too. */
  readonly shadowed: readonly string[];
}

/**
 * Reads the overlay of a configuration, which is empty where nothing was kept.
 * @throws CliError when it cannot be read, or does not go together with the files
 */
export function readOverlay(base: Config, texts: ConfigTexts): OverlayReading {
  const file = join(stateFolder(base.state, process.env), OVERLAY_FILE);
  const text = texts.readIfThere(file, 'the overlay');
  try {
    const overlay = text === null ? EMPTY_OVERLAY : parseOverlay(text, file);
    const config = withOverlay(base, overlay, file);
    checkSet(config, overlay, file);
    const ids = new Set(base.routes.map(({ id }) => id));
    const shadowed = Object.keys(overlay.routes).filter((id) => ids.has(id));
    return { config, overlay, file, shadowed };
  } catch (error) {
    throw error instanceof ConfigError ? configFailure(error) : error;
  }
}

/** The files have been checked by themselves. */
function checkSet(config: Config, overlay: Overlay, file: string): void {
  const issues: ConfigIssue[] = [];
  for (const [name, pair] of Object.entries(overlay.certificates)) {
    try {
      checkIdentity(pair);
    } catch (error) {
      issues.push({ key: keyName(['certificates', name]), line: null, message: (error as Error).message });
    }
  }
  if (Object.keys(overlay.routes).length + Object.keys(overlay.keys).length > 0) {
    for (const issue of checkRouting(config)) {
      const key = overlayKey(issue, config, overlay) ?? keyName(issue.path);
      issues.push({ key, line: null, message: issue.message });
    }
    for (const reason of config.server.workers > 1 ? oneProcessReasons(config, config.routes) : [])
      issues.push({ key: 'routes', line: null, message: `workers under [server] must be 1 ${reason}` });
  }
  if (issues.length > 0) throw new ConfigError(file, issues);
}
