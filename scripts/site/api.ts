import { register } from 'node:module';
import { pathToFileURL } from 'node:url';

/** TypeDoc asks for `typescript`, of which this project has a version without the interface that it uses. */
const HOOK = `export const resolve = (specifier, context, next) =>
  next(specifier === 'typescript' ? 'typescript-for-typedoc' : specifier, context);`;

/**
 * Writes one page of Markdown for each entry of the package.
 *
 * @param entries sources
 * @param out folder, which is emptied first
 */
export async function writeApi(entries: readonly string[], out: string): Promise<void> {
  register(`data:text/javascript,${encodeURIComponent(HOOK)}`, pathToFileURL(`${process.cwd()}/`).href);
  const { Application } = await import('typedoc');
  const application = await Application.bootstrapWithPlugins({
    entryPoints: [...entries],
    out,
    name: 'Assay',
    tsconfig: 'tsconfig.json',
    plugin: ['typedoc-plugin-markdown'],
    readme: 'none',
    logLevel: 'Warn',
    // The sources are checked by another command, and by the newer compiler.
    skipErrorChecking: true,
    disableSources: true,
    excludePrivate: true,
    // Members that a class has from a package are described there.
    excludeExternals: true,
    ...{ router: 'module', entryFileName: 'index', hideBreadcrumbs: true, hidePageHeader: true },
    ...{ useCodeBlocks: true, useHTMLAnchors: true, parametersFormat: 'table' },
  });
  const project = await application.convert();
  if (!project) throw new Error('TypeDoc found nothing to describe');
  await application.generateOutputs(project);
}
