import { Store } from './store.ts';

/** What the reader has chosen; `system` follows the system. */
export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'holdfast-theme';

const CHOICES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

const systemDark = matchMedia('(prefers-color-scheme: dark)');

/** The choice, kept in the browser. */
export const themeChoice = new Store<ThemeChoice>(stored());

/** The theme that is shown. Plots, which are no HTML, follow it. */
export const theme = new Store<'light' | 'dark'>('light');

/** Shows the page in the theme that is chosen, from now on. */
export function followTheme(): void {
  const apply = () => {
    const choice = themeChoice.value;
    const shown = choice === 'system' ? (systemDark.matches ? 'dark' : 'light') : choice;
    document.documentElement.dataset.theme = shown;
    if (theme.value !== shown) theme.value = shown;
  };
  apply();
  systemDark.addEventListener('change', apply);
  themeChoice.subscribe(() => {
    try {
      localStorage.setItem(KEY, themeChoice.value);
    } catch {
      // A browser that keeps nothing forgets this too.
    }
    apply();
  });
}

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return CHOICES.find((choice) => choice === value) ?? 'system';
  } catch {
    return 'system';
  }
}
