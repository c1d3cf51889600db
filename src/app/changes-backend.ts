import { OVERLAY_KEYS, setKeys } from '../config/index.ts';
import type { ControlBackend, RoutesBackend } from '../control/index.ts';
import { listedCertificates } from './listed-certificates.ts';
import type { LiveChanges } from './live-changes.ts';
import type { LiveConfig } from './live-config.ts';

/** What the control API needs to change certificates and keys one at a time. */
export function changesBackend(changes: LiveChanges, live: LiveConfig): Pick<ControlBackend, 'certificates' | 'keys'> {
  return {
    certificates: {
      list: () => listedCertificates(live.config, live.pairs, (name) => changes.sourceOf('certificates', name)),
      put: (name, pair, keep) => changes.putCertificate(name, pair, keep),
      delete: (name, keep) => changes.deleteCertificate(name, keep),
    },
    keys: {
      list: async () => {
        const set = setKeys(live.config);
        const named = OVERLAY_KEYS.filter((name) => set.has(name));
        return named.map((name) => ({
          name,
          source: changes.keys.has(name) ? changes.sourceOf('keys', name) : 'file',
        }));
      },
      put: (name, key, keep) => changes.putKey(name, key, keep),
      delete: (name, keep) => changes.deleteKey(name, keep),
    },
  };
}

/** The same for routes. */
export function routeChanges(changes: LiveChanges): Pick<RoutesBackend, 'put' | 'delete'> {
  return {
    put: (id, line, keep) => changes.putRoute(id, line, keep),
    delete: (id, keep) => changes.deleteRoute(id, keep),
  };
}
