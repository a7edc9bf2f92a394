import { readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from 'typedoc';

/** TypeDoc asks for `typescript`, of which this project has a version without the interface that it uses. */
const HOOK = `export const resolve = (specifier, context, next) =>
  next(specifier === 'typescript' ? 'typescript-for-typedoc' : specifier, context);`;

/** Priority of a listener that TypeDoc calls before it sorts members into groups, and after it knows what is inherited. */
const BEFORE_GROUPS = -50;

/** Entry points of the package, by the names of their sources. */
export const ENTRIES: Readonly<Record<string, string>> = {
  client: 'assay',
  engine: 'assay/engine',
  onnx: 'assay/onnx',
  services: 'assay/services',
};

/** The parts of TypeDoc's types that are read here. */
interface NamedType {
  readonly name?: string;
  readonly typeArguments?: readonly NamedType[];
}

/** A name for a parameter of a type: `contracts` for Contracts, or for a part of it. */
function nameFor(type: NamedType | undefined): string {
  const { name = 'options', typeArguments: [first] = [] } = type ?? {};
  if (first && ['Pick', 'Omit', 'Partial', 'Readonly'].includes(name)) return nameFor(first);
  return name.endsWith('Options') ? 'options' : `${name[0]!.toLowerCase()}${name.slice(1)}`;
}

/**
 * Writes one page of Markdown for each entry point of the package, and a page that lists them.
 *
 * @param out folder, which is emptied first
 */
export async function writeApi(out: string): Promise<void> {
  register(`data:text/javascript,${encodeURIComponent(HOOK)}`, pathToFileURL(`${process.cwd()}/`).href);
  const { Application, Converter, ReflectionKind } = await import('typedoc');
  const application = await Application.bootstrapWithPlugins({
    entryPoints: Object.keys(ENTRIES).map((name) => `src/exports/${name}.ts`),
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
    groupOrder: ['Functions', 'Classes', 'Interfaces', '*'],
    ...{ router: 'module', entryFileName: 'index', hideBreadcrumbs: true, hidePageHeader: true },
    ...{ useCodeBlocks: true, useHTMLAnchors: true, parametersFormat: 'table' },
  });
  const clean = ({ project }: Context): void => {
    // The constructor that an error has from Error says nothing about it.
    for (const one of project.getReflectionsByKind(ReflectionKind.Constructor))
      if (one.isDeclaration() && one.inheritedFrom) project.removeReflection(one);
  };
  application.converter.on(Converter.EVENT_RESOLVE_END, clean, BEFORE_GROUPS);
  const project = await application.convert();
  if (!project) throw new Error('TypeDoc found nothing to describe');
  // A parameter that is taken apart has no name in the source; it gets that of its type.
  for (const one of project.getReflectionsByKind(ReflectionKind.Parameter))
    if (one.name.startsWith('__namedParameters')) one.name = nameFor((one as { type?: NamedType }).type);
  await application.generateOutputs(project);
  const lines = Object.entries(ENTRIES).map(([name, entry]) => {
    const file = join(out, `${name}.md`);
    const text = readFileSync(file, 'utf8').replace(/^# .*$/m, `# ${entry}`);
    writeFileSync(file, text);
    const summary = /^`import[^`]*`: (.*)$/m.exec(text)?.[1] ?? '';
    return `- [\`${entry}\`](${name}.md): ${summary}`;
  });
  const head =
    '# The API of the package\n\nEach entry point has a page. [The package](/docs/package) has examples.';
  writeFileSync(join(out, 'index.md'), `${head}\n\n${lines.join('\n')}\n`);
}
