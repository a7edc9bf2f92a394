// Builds the documentation as a site, in build/site/html, from the Markdown of the project and the comments of the package.
//
//   npm run site    prints a line, or why it fails: a link that leads nowhere, a page that cannot be built
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DefaultTheme, UserConfig } from 'vitepress';
import { ENTRIES, writeApi } from './site/api.ts';
import { brokenLinks } from './site/checkLinks.ts';
import { llmsText, partsOf, routeOf } from './site/navigation.ts';
import { isPicture, linkedFile, mapLinks, type Page, readPages } from './site/pages.ts';

const site = join('build', 'site');
const sources = join(site, 'pages');
const html = join(site, 'html');
const THEME = `import theme from 'vitepress/theme';
import './site.css';

export default theme;
`;
/** A diagram, which has up to 120 letters a line, is shown whole on a screen that is as wide as a desk's. */
const STYLE = `.VPDoc.has-aside .content-container { max-width: 100% !important; }
.vp-doc { container-type: inline-size; }
.vp-doc div[class~='language-'] code { font-size: clamp(8px, calc((100cqw - 48px) / 73), 14px); }
`;
const MAX_OUTPUT_BYTES = 2 ** 26;

/** Where a page's Markdown goes: a README is the index of its folder, a file that is no Markdown is shown in a page. */
function sourceOf(path: string): string {
  const page = path.endsWith('.md') ? path.replace(/README\.md$/, 'index.md') : `${path}.md`;
  return join(sources, page);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A link between files of the project, as a link between pages; a picture is copied to where it then leads. */
function route(from: string, target: string, paths: ReadonlySet<string>): string {
  const file = linkedFile(from, target);
  if (file === undefined) return target;
  if (isPicture(file)) {
    cpSync(file, join(sources, 'public', file));
    return `/${file}`;
  }
  const anchor = target.includes('#') ? target.slice(target.indexOf('#')) : '';
  const page = paths.has(`${file}/README.md`) ? `${file}/README.md` : file;
  return `${routeOf(page)}${anchor}`;
}

function writePages(pages: readonly Page[]): void {
  const paths = new Set(pages.map(({ path }) => path));
  for (const { path, text } of pages) {
    const body = mapLinks(text, (target) => route(path, target, paths));
    write(sourceOf(path), `---\noutline: [2, 3]\n---\n\n${body}`);
  }
}

function configuration(pages: readonly Page[]): UserConfig<DefaultTheme.Config> {
  const sidebar = [
    ...partsOf(pages).map((part) => ({
      text: part.title,
      collapsed: part.title !== 'Start',
      items: part.pages.map(({ title, path }) => ({ text: title, link: routeOf(path) })),
    })),
    {
      text: 'API',
      collapsed: true,
      items: [
        { text: 'The API of the package', link: '/api/' },
        ...Object.entries(ENTRIES).map(([name, entry]) => ({ text: entry, link: `/api/${name}` })),
      ],
    },
  ];
  return {
    title: 'Assay',
    description: 'Neural-network inference checked on chain through interactive disputes',
    cleanUrls: true,
    head: [['link', { rel: 'icon', href: '/icon.svg' }]],
    outDir: join('..', 'html'),
    cacheDir: join('..', 'cache'),
    lastUpdated: false,
    // The search's index is one file.
    vite: { build: { chunkSizeWarningLimit: 2_000 } },
    themeConfig: { sidebar, search: { provider: 'local' }, outline: { level: [2, 3] } },
  };
}

/** Runs VitePress, whose long output is shown only if it fails. */
function buildPages(): void {
  const args = [join('node_modules', 'vitepress', 'bin', 'vitepress.js'), 'build', sources];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (status === 0) return;
  console.error(`${stdout}${stderr}`);
  process.exit(1);
}

rmSync(site, { recursive: true, force: true });
const pages = readPages();
await writeApi(join(sources, 'api'));
writePages(pages);
write(
  join(sources, '.vitepress', 'config.mjs'),
  `export default ${JSON.stringify(configuration(pages), null, 2)};\n`,
);
write(join(sources, '.vitepress', 'theme', 'index.mjs'), THEME);
write(join(sources, '.vitepress', 'theme', 'site.css'), STYLE);
write(join(sources, 'public', 'icon.svg'), readFileSync('src/explorer/page/icon.svg', 'utf8'));
buildPages();
// llms.txt leads to the Markdown itself.
for (const { path, text } of pages) if (path.endsWith('.md')) write(join(html, path), text);
writeFileSync(join(html, 'llms.txt'), llmsText(pages));
const broken = brokenLinks(html);
for (const line of broken) console.error(line);
if (broken.length > 0) process.exitCode = 1;
console.log(
  `${pages.length + Object.keys(ENTRIES).length + 1} pages in ${html}, ${broken.length} broken links`,
);
