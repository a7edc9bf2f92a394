import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';

/** A page of the site, from a file of the project. */
export interface Page {
  /** The file, relative to the project. */
  readonly path: string;
  readonly title: string;
  /** The first sentence below the title. */
  readonly summary: string;
  readonly text: string;
}

/** Files that are for this repository's own pages. */
const LEFT_OUT = /^\.github\//;

const LINK = /(\]\()([^)\s]+)(\))/g;

/** Whether a file is shown as it is, not in a page of its own. */
export const isPicture = (path: string): boolean => /\.(png|svg|webp)$/.test(path);

const isExternal = (target: string): boolean => /^(\w+:|#)/.test(target);

/** Applies a function to the target of every link in text that is not code. */
export function mapLinks(text: string, map: (target: string) => string): string {
  const parts = text.split(/(^```[\s\S]*?^```|`[^`\n]*`)/m);
  const mapped = parts.map((part, i) =>
    i % 2 === 1 ? part : part.replace(LINK, (_, open, target, close) => `${open}${map(target)}${close}`),
  );
  return mapped.join('');
}

/** The file that a link in another file leads to, relative to the project; undefined if it leads out of it. */
export function linkedFile(from: string, target: string): string | undefined {
  if (isExternal(target)) return undefined;
  const [path = ''] = target.split('#');
  return normalize(join(dirname(from), path))
    .replaceAll('\\', '/')
    .replace(/\/$/, '');
}

function describe(path: string, text: string): Page {
  const title = (/^# (.+)$/m.exec(text)?.[1] ?? path).replaceAll('`', '');
  const prose = text
    .replace(/^```[\s\S]*?^```/gm, '')
    .split(/\n{2,}/)
    .find((part) => /^[A-Z`*[]/.test(part.trim()));
  const plain = (prose ?? '')
    .replace(/\s+/g, ' ')
    .replace(/\[([^\]]*)\]\([^)]*\)|\*\*/g, '$1')
    .trim();
  const summary = /^.+?[.:](?= |$)/.exec(plain)?.[0].replace(/:$/, '.') ?? plain;
  return { path, title, summary, text };
}

/** A file that is no Markdown, as a page that shows it. */
function codePage(path: string): string {
  if (statSync(path).isDirectory()) {
    const names = readdirSync(path).map((name) => `- \`${name}\``);
    return `# ${path}\n\n${names.join('\n')}\n`;
  }
  const language = { '.sol': 'solidity', '.mjs': 'js' }[extname(path)] ?? (extname(path).slice(1) || 'text');
  return `# ${path}\n\n\`\`\`\`${language}\n${readFileSync(path, 'utf8').trimEnd()}\n\`\`\`\`\n`;
}

/** All Markdown that the project tracks, or is about to. */
function markdownFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'];
  const { stdout, status } = spawnSync('git', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error('the site is made from the files that git lists; this is no clone');
  return [...new Set(stdout.split('\n'))]
    .filter((path) => path && existsSync(path) && !LEFT_OUT.test(path))
    .sort();
}

/**
 * The pages: every Markdown file of the project, and every file that one of them links to, but for pictures.
 *
 * @throws Error naming a link whose file is not there
 */
export function readPages(): Page[] {
  const pages = markdownFiles().map((path) => describe(path, readFileSync(path, 'utf8')));
  const known = new Set(pages.map(({ path }) => path));
  for (const { path, text } of [...pages]) {
    mapLinks(text, (target) => {
      const file = linkedFile(path, target);
      if (file === undefined || known.has(file) || known.has(`${file}/README.md`)) return target;
      if (!existsSync(file)) throw new Error(`${path}: links to ${target}, which is not there`);
      if (isPicture(file)) return target;
      known.add(file);
      pages.push({ path: file, title: file, summary: '', text: codePage(file) });
      return target;
    });
  }
  return pages;
}
