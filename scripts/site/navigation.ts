import type { Page } from './pages.ts';

/** A part of the site: pages that the side bar and llms.txt list together. */
interface Part {
  readonly title: string;
  readonly holds: (path: string) => boolean;
}

const PARTS: readonly Part[] = [
  {
    title: 'Start',
    holds: (path) => /^(README|docs\/(architecture|package|deploying|errors|glossary))\.md$/.test(path),
  },
  { title: 'Guides', holds: (path) => /^docs\/(?!decisions\/)/.test(path) },
  { title: 'Contracts', holds: (path) => path.startsWith('contracts/') },
  { title: 'Sources', holds: (path) => path.startsWith('src/') },
  { title: 'API', holds: (path) => path.startsWith('api/') },
  { title: 'Examples', holds: (path) => path.startsWith('examples/') },
  { title: 'Decisions', holds: (path) => path.startsWith('docs/decisions/') },
  { title: 'Contribute', holds: () => true },
];

/** The pages by part; a page is in the first part that holds it, and files that are no Markdown are in none. */
export function partsOf(pages: readonly Page[]): { title: string; pages: Page[] }[] {
  const listed = pages.filter(({ path }) => path.endsWith('.md'));
  return PARTS.map(({ title }) => ({
    title,
    pages: listed.filter(({ path }) => PARTS.find(({ holds }) => holds(path))?.title === title),
  })).filter((part) => part.pages.length > 0);
}

/** The route of a page, as VitePress makes links. */
export const routeOf = (path: string): string =>
  `/${path
    .replace(/README\.md$/, 'index.md')
    .replace(/\.md$/, '')
    .replace(/(^|\/)index$/, '$1')}`;

/** https://llmstxt.org: what there is, for programs that read. Links are relative, to the Markdown itself. */
export function llmsText(pages: readonly Page[]): string {
  const [home] = pages.filter(({ path }) => path === 'README.md');
  const parts = partsOf(pages.filter(({ path }) => !path.startsWith('api/'))).map(
    ({ title, pages: listed }) =>
      `## ${title}\n\n${listed.map((page) => `- [${page.title}](${page.path})${page.summary && `: ${page.summary}`}`).join('\n')}\n`,
  );
  return `# Assay\n\n> ${home?.summary ?? ''}\n\n${parts.join('\n')}`;
}
