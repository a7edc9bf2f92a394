import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The file that a path of a web address leads to; undefined if there is none. */
function served(site: string, path: string): string | undefined {
  const candidates = path.endsWith('/')
    ? [`${path}index.html`]
    : [path, `${path}.html`, `${path}/index.html`];
  return candidates.map((name) => join(site, name)).find((file) => existsSync(file) && /\.\w+$/.test(file));
}

/** Every link of a built site that leads to no page, or to no place in its page, as one line each. */
export function brokenLinks(site: string): string[] {
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html'))
    .map((name) => join(site, name));
  const ids = new Map(
    files.map((file) => {
      const found = readFileSync(file, 'utf8').matchAll(/\bid="([^"]+)"/g);
      return [file, new Set([...found].map((match) => decodeURIComponent(match[1]!)))];
    }),
  );
  return files.flatMap((file) => {
    const page = `/${relative(site, file).replaceAll('\\', '/')}`;
    // The page that is served for addresses without one has no place of its own.
    if (page === '/404.html') return [];
    return [...readFileSync(file, 'utf8').matchAll(/<a\b[^>]*\bhref="([^"]+)"/g)].flatMap(([, href = '']) => {
      const url = new URL(href.replaceAll('&amp;', '&'), `https://site.invalid${page}`);
      if (url.hostname !== 'site.invalid') return [];
      const found = served(site, decodeURIComponent(url.pathname));
      if (!found) return [`${page}: links to ${href}, which is no page`];
      const id = decodeURIComponent(url.hash.slice(1));
      return id === '' || ids.get(found)?.has(id)
        ? []
        : [`${page}: links to ${href}, which its page does not have`];
    });
  });
}
