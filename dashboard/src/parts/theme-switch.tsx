import { type ThemeChoice, themeChoice } from '../live/theme.ts';
import { useStore } from '../live/use-store.ts';
import { Icon } from './icon.tsx';

/** What each choice is called, in the order of the switch. */
const CHOICES: readonly (readonly [ThemeChoice, string])[] = [
  ['system', 'as the system'],
  ['light', 'light'],
  ['dark', 'dark'],
];

/** Goes from one theme to the next. */
export function ThemeSwitch() {
  const choice = useStore(themeChoice);
  const at = CHOICES.findIndex(([name]) => name === choice);
  const [, word] = CHOICES[at] ?? ['', ''];
  const [next] = CHOICES[(at + 1) % CHOICES.length] ?? ['system'];
  return (
    <button
      type="button"
      class="bare"
      title={`Theme: ${word}`}
      aria-label={`Theme: ${word}. Change it`}
      onClick={() => {
        themeChoice.value = next;
      }}
    >
      <Icon name={choice} />
    </button>
  );
}
