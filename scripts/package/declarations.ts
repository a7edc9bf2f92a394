import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Packages whose types a declaration may refer to: whoever uses it has them. */
const KNOWN = new Set(['ethers']);
const CONTRACTS = 'build/typechain/index.d.ts';

/** A specifier in an import, an export, or a type such as `import("ethers").Signer`; sentences in comments are none. */
const SPECIFIER = /^((?:import|export)\b.*?\bfrom |import )(["'])([^"']+)\2|(\bimport\()(["'])([^"']+)\5/gm;
const CONTRACT_NAMES = /^import (?:type )?\{([^}]*)\} from ["']#typechain["']/gm;

/** Compiles to declarations. @throws Error, with what the compiler says, if the sources have errors */
function compile(root: string, entries: readonly string[]): string {
  const folder = mkdtempSync(join(root, 'build', 'declarations-'));
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    types: ['node'],
    rootDir: root,
    outDir: folder,
  };
  const project = join(folder, 'tsconfig.json');
  const files = entries.map((entry) => join(root, entry));
  const config = { extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] };
  writeFileSync(project, JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the declarations do not compile:\n${stdout}`);
  return folder;
}

/** Typechain's list of all contracts, cut down to those that the declarations name. */
function narrowContracts(folder: string): void {
  const names = new Set(
    readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.d.ts'))
      .flatMap((name) => [...readFileSync(join(folder, 'src', name), 'utf8').matchAll(CONTRACT_NAMES)])
      .flatMap(([, list = '']) => list.split(',').map((name) => name.replace(/^\s*type /, '').trim())),
  );
  const file = join(folder, CONTRACTS);
  const lines = readFileSync(file, 'utf8').split('\n');
  const named = lines.filter((line) => names.has(/^export (?:type )?\{ (\w+) \}/.exec(line)?.[1] ?? ''));
  writeFileSync(file, `${named.join('\n')}\n`);
}

/** The emitted file that a specifier leads to; undefined for another package. */
function target(folder: string, file: string, specifier: string): string | undefined {
  if (specifier === '#typechain') return join(folder, CONTRACTS);
  if (specifier.startsWith('.')) return join(dirname(file), specifier.replace(/\.(ts|js)$/, '.d.ts'));
  if (KNOWN.has(specifier)) return undefined;
  throw new Error(`${relative(folder, file)}: a public type refers to ${specifier}, which users do not have`);
}

/**
 * Writes the declarations that the entries lead to, and no others.
 *
 * @param root the project
 * @param entries sources, relative to `root`
 * @param outdir gets the declarations, in folders as the sources are
 * @throws Error if the sources have errors, or if a declaration refers to a package that users do not have
 */
export function writeDeclarations(root: string, entries: readonly string[], outdir: string): void {
  const folder = compile(root, entries);
  try {
    narrowContracts(folder);
    const queue = entries.map((entry) => join(folder, entry.replace(/\.ts$/, '.d.ts')));
    // The queue grows while it is read.
    for (const file of queue) {
      const rewrite = (specifier: string): string => {
        const found = target(folder, file, specifier);
        if (found === undefined) return specifier;
        if (!existsSync(found)) throw new Error(`${relative(folder, file)}: there is no ${specifier}`);
        if (!queue.includes(found)) queue.push(found);
        const path = relative(dirname(file), found)
          .replaceAll('\\', '/')
          .replace(/\.d\.ts$/, '.js');
        return path.startsWith('.') ? path : `./${path}`;
      };
      const text = readFileSync(file, 'utf8').replace(
        SPECIFIER,
        (_, start = '', quote, specifier, call = '', callQuote, called) =>
          `${start}${call}${quote ?? callQuote}${rewrite(specifier ?? called)}${quote ?? callQuote}`,
      );
      const to = join(outdir, relative(folder, file));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, text);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
