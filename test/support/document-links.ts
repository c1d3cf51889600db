/** The targets of the links in a document that stay within the project, without what follows `#`. */
export function localLinks(markdown: string): string[] {
  const prose = markdown.replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)\s]*)?\)/g)].map(([, target = '']) => target);
}

/** Whether a document is for contributors: it leads to the sources and tests, which only the repository has. */
export function isForContributors(name: string): boolean {
  return /(?:^|\/)(?:CONTRIBUTING|ARCHITECTURE)\.md$/.test(name);
}
