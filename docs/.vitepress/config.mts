import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The kinds of documentation, in the order in which they are shown. */
const KINDS = [
  ['tutorial', 'Tutorial'],
  ['how-to', 'How to'],
  ['reference', 'Reference'],
  ['explanation', 'Explanation'],
] as const;

/** Files that pages lead to although they are no pages: they are copied to the site. */
const linked = new Set<string>();

// biome-ignore lint/style/noDefaultExport: VitePress reads it.
export default defineConfig({
  title: 'Holdfast',
  description: "Realtime HTTP: holds clients' connections open and lets any program respond and push to them",
  srcDir: ROOT,
  srcExclude: [
    '**/node_modules/**',
    'bench/**',
    'dashboard/**',
    'dist/**',
    'packaging/**',
    'site/**',
    'src/**',
    'test/**',
  ],
  outDir: join(ROOT, 'site'),
  cacheDir: join(ROOT, 'node_modules/.cache/vitepress'),
  rewrites: { 'README.md': 'index.md' },
  lastUpdated: false,
  // Links to files that are no pages, since a test of the repository follows every link, and to a server that the reader runs.
  ignoreDeadLinks: [
    /^https?:\/\/localhost[:/]/,
    (link) => [...linked].some((file) => `/${file}`.replace(/\.html$/, '').endsWith(link.replace(/^[./]*/, '/'))),
  ],
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: KINDS.flatMap(([folder, text]) => {
      const [first] = pagesOf(folder);
      return first === undefined ? [] : [{ text, link: first.link as string, activeMatch: `/docs/${folder}/` }];
    }),
    sidebar: [
      ...KINDS.map(([folder, text]) => ({ text, items: pagesOf(folder) })),
      {
        text: 'Project',
        items: ['ARCHITECTURE', 'CONTRIBUTING', 'SECURITY', 'CHANGELOG'].map((name) => ({
          text: titleOf(`${name}.md`),
          link: `/${name}`,
        })),
      },
    ],
  },
  markdown: {
    config(md) {
      const open =
        md.renderer.rules.link_open ?? ((tokens, at, options, _, self) => self.renderToken(tokens, at, options));
      md.renderer.rules.link_open = (tokens, at, options, env, self) => {
        const href = tokens[at]?.attrGet('href') ?? '';
        if (!/^[a-z]+:|^#|\.md(?:#|$)/.test(href))
          linked.add(relative(ROOT, join(dirname(env.realPath ?? env.path), href)));
        return open(tokens, at, options, env, self);
      };
    },
  },
  buildEnd({ outDir }) {
    for (const file of linked) cpSync(join(ROOT, file), join(outDir, file), { recursive: true });
  },
});

/** The pages of one kind, by their titles. */
function pagesOf(folder: string): DefaultTheme.SidebarItem[] {
  let names: string[];
  try {
    names = readdirSync(join(ROOT, 'docs', folder));
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ text: titleOf(join('docs', folder, name)), link: `/docs/${folder}/${basename(name, '.md')}` }))
    .sort((a, b) => a.text.localeCompare(b.text));
}

function titleOf(file: string): string {
  const [, title = file] = /^# (.+)$/m.exec(readFileSync(join(ROOT, file), 'utf8')) ?? [];
  return title;
}
