import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../files/makeFolder.ts';
import { SITE_NAME, type Site } from '../site.ts';
import { HEADERS, policyFor } from './headers.ts';

/** Folders of a bundle that pages read. */
const BLOBS = ['program', 'tensor', 'text'];

/** Text as the value of an attribute of HTML. */
const attribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/** Puts what the page has to know, and what it may do, into its index.html. @param connect whom it may ask */
function withSite(html: string, site: Site, connect: readonly string[]): string {
  const metas = [
    `<meta http-equiv="content-security-policy" content="${attribute(policyFor(connect, 'meta'))}">`,
    `<meta name="${SITE_NAME}" content="${attribute(JSON.stringify(site))}">`,
  ];
  return html.replace('<head>', `<head>\n    ${metas.join('\n    ')}`);
}

/**
 * Writes the page as files that any host may serve: it reads from a node itself. `_headers` has the headers that isolate it,
 * in the form that several hosts of static files take.
 *
 * @param page folder of the bundled page
 * @param bundles folders of models whose files go along
 * @throws Error of the system if the folder cannot be written
 */
export function writeSite(folder: string, page: string, site: Site, bundles: readonly string[] = []): void {
  makeFolder(folder);
  cpSync(page, folder, { recursive: true });
  const rpc = new URL(site.rpc).origin;
  // Files of models lie where their publishers say, which nobody knows yet.
  const connect = [...new Set([rpc, 'https:'])];
  const index = join(folder, 'index.html');
  writeFileSync(index, withSite(readFileSync(index, 'utf8'), site, connect));
  const headers = { ...HEADERS, 'content-security-policy': policyFor(connect, 'worker') };
  const lines = Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`);
  writeFileSync(join(folder, '_headers'), ['/*', ...lines, ''].join('\n'));
  for (const bundle of bundles)
    for (const kind of BLOBS)
      if (existsSync(join(bundle, kind)))
        cpSync(join(bundle, kind), join(folder, 'files', kind), { recursive: true });
}
