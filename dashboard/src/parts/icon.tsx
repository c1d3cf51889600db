/** Drawn in a square of 20, as lines. */
const SHAPES = {
  overview: 'M3 12.5 7 8l3.5 3.5L17 5M3 16.5h14',
  channels:
    'M10 10h.01M6.8 13.2a4.5 4.5 0 0 1 0-6.4M13.2 6.8a4.5 4.5 0 0 1 0 6.4M4.3 15.7a8 8 0 0 1 0-11.4M15.7 4.3a8 8 0 0 1 0 11.4',
  publish: 'M17 3 9 11M17 3l-5 14-3-6-6-3z',
  routes:
    'M5 4.5v11M5 10h4.5c3 0 2.5-4.5 5.5-4.5M9.5 10c3 0 2.5 4.5 5.5 4.5M13.5 4l1.5 1.5L13.5 7M13.5 13l1.5 1.5-1.5 1.5',
  handlers: 'M4 4h12v5H4zM4 11h12v5H4zM7 6.5h.01M7 13.5h.01',
  outbound: 'M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7',
  nodes: 'M10 3.5v4M5 16.5l3-4.5M15 16.5 12 12M10 2.5h.01M7.5 7.5h5v4.5h-5zM3 16.5h4M13 16.5h4',
  errors: 'M10 3.5 17.5 16h-15zM10 8v4M10 14h.01',
  server: 'M4 6h6M14 6h2M4 14h2M10 14h6M12 4v4M8 12v4',
  light:
    'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2.5v1M10 16.5v1M2.5 10h1M16.5 10h1M4.7 4.7l.7.7M14.6 14.6l.7.7M4.7 15.3l.7-.7M14.6 5.4l.7-.7',
  dark: 'M16.5 11.5A7 7 0 0 1 8.5 3.5a7 7 0 1 0 8 8z',
  system: 'M3 4h14v9H3zM7.5 16.5h5M10 13v3.5',
  leave: 'M8 4H4v12h4M8 10h9M14 7l3 3-3 3',
  back: 'M12.5 4.5 7 10l5.5 5.5',
} as const;

export type IconName = keyof typeof SHAPES;

/** A small drawing beside a text that says the same. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
