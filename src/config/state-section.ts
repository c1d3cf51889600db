import { plainText } from './section-fields.ts';

/** The `[state]` section: its keys, and what they are for. */
export const stateSection = {
  doc: 'What the server itself has made or been told, and keeps over restarts.',
  shape: {
    dir: plainText({
      doc: 'Folder for it: the [overlay](../how-to/reload.md#change-one-thing-at-a-time) of what was set through the control API, and certificates of `[acme]`. It is made when it is first needed, with access for the user of the server only. If empty, the `STATE_DIRECTORY` that systemd gives, and without one `holdfast-state` in the working directory.',
    }),
  },
};

/** The folder for what the server keeps. @param env the environment of the process */
export function stateFolder(
  { dir }: { readonly dir: string },
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (dir !== '') return dir;
  // systemd separates several folders with colons.
  return env.STATE_DIRECTORY?.split(':')[0] || 'holdfast-state';
}
