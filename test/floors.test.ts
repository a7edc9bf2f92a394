import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect } from 'chai';

// A folder of src/ may import only from itself and from folders above it in this list.
const floors = [
  'scalar',
  'program',
  'wasm',
  'merkle',
  'engine',
  'trace',
  'onnx',
  'text',
  'dispute',
  // ---- above: pure, runs in a browser; below: the outside world ----
  'files',
  'chain',
  'store',
  'work',
  'provider',
  'watcher',
  'monitor',
  'operator',
  'client',
  'explorer',
  'settings',
  'rehearsal',
  'conformance',
  'cli',
  'exports',
] as const;

type Floor = (typeof floors)[number];

const pure: readonly Floor[] = floors.slice(0, floors.indexOf('files'));

/** The only packages that a pure folder may import. */
const packagesOf: Partial<Record<Floor, readonly string[]>> = {
  merkle: ['hash-wasm'],
  onnx: ['onnx-proto'],
  text: ['@huggingface/gguf', '@huggingface/tokenizers'],
};

/** Folders of which the first must not import the second, although their order would allow it. */
const apart: readonly (readonly [from: Floor, to: Floor])[] = [
  ['watcher', 'provider'],
  ['client', 'provider'],
  ['client', 'watcher'],
];

/** The only files of a floor that other floors may import, where there is a choice. */
const surfacesOf: Partial<Record<Floor, readonly string[]>> = {
  onnx: ['index.ts', 'building.ts', 'errors.ts', 'floatFormats.ts', 'packedBits.ts', 'types.ts'],
};

/** Folders and files of a floor, from top to bottom: each may import from itself and from those above it. */
const roomsOf: Partial<Record<Floor, readonly string[]>> = {
  engine: [
    ...['cached.ts', 'engine.ts', 'reference', 'kernel', 'graph', 'memory', 'passes'],
    ...['threads', 'wasm', 'webgpu'],
  ],
  onnx: [
    ...['errors.ts', 'floatFormats.ts', 'packedBits.ts', 'types.ts'],
    ...['read', 'ir', 'loops', 'tensors', 'functions', 'operators', 'frontend', 'backend'],
    ...['import.ts', 'joined.ts', 'index.ts', 'building.ts'],
  ],
  cli: [
    ...['exit.ts', 'console.ts', 'arguments.ts', 'ports.ts'],
    ...['keys', 'connection', 'text', 'models', 'services', 'doctor', 'monitor'],
    ...['options.ts', 'commands', 'commandLine.ts', 'main.ts', 'assay.mjs', 'installed.mjs'],
  ],
};

const src = resolve(import.meta.dirname, '../src');

function isFloor(name: string | undefined): name is Floor {
  return floors.some((floor) => floor === name);
}

function importsOf(source: string): string[] {
  const pattern =
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Why `file`, a path inside src/, may not import `specifier`; undefined if it may. */
function objection(file: string, specifier: string): string | undefined {
  const [from] = file.split(sep);
  if (!isFloor(from)) return 'is in a folder that the list of floors does not name';
  if (specifier.startsWith('.')) {
    const target = relative(src, resolve(src, dirname(file), specifier));
    const [to, ...within] = target.split(sep);
    // The command of a clone compiles itself; nothing that a user of the package runs needs a script.
    if (to === '..') return file === join('cli', 'assay.mjs') ? undefined : `leaves src/ for ${specifier}`;
    if (!isFloor(to)) return `imports ${specifier}, which is on no floor`;
    if (floors.indexOf(to) > floors.indexOf(from)) return `imports upwards, from ${to}/`;
    if (apart.some(([a, b]) => a === from && b === to)) return `imports from ${to}/`;
    const surfaces = from === to ? undefined : surfacesOf[to];
    if (surfaces && !surfaces.includes(within.join(sep))) return `imports ${target}, which is inside ${to}/`;
    return undefined;
  }
  if (!pure.includes(from)) return undefined;
  if (isBuiltin(specifier)) return `is pure and imports ${specifier}`;
  return packagesOf[from]?.some((name) => specifier === name || specifier.startsWith(`${name}/`))
    ? undefined
    : `is pure and imports the package ${specifier}`;
}

/** A cycle of files that import each other, if there is one; `imported` has the files that each one imports. */
function cycleIn(imported: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of imported.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of imported.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}

describe('import floors', () => {
  const files = readdirSync(src, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|mjs)$/.test(entry.name))
    .map((entry) => relative(src, join(entry.parentPath, entry.name)));

  it('holds for every file of src/', () => {
    const objections = files.flatMap((file) =>
      importsOf(readFileSync(join(src, file), 'utf8')).flatMap((specifier) => {
        const reason = objection(file, specifier);
        return reason === undefined ? [] : [`src/${file} ${reason}`];
      }),
    );
    expect(objections).to.deep.equal([]);
  });

  it('has no cycle, of files that import only types either', () => {
    const imported = files.map((file): [string, string[]] => {
      const specifiers = importsOf(readFileSync(join(src, file), 'utf8'));
      const relatives = specifiers.filter((specifier) => specifier.startsWith('.'));
      return [file, relatives.map((specifier) => relative(src, resolve(src, dirname(file), specifier)))];
    });
    expect(cycleIn(new Map(imported))).to.equal(undefined);
  });

  for (const [floor, rooms] of Object.entries(roomsOf)) {
    it(`holds for the rooms of ${floor}`, () => {
      const within = files.filter((file) => file.startsWith(`${floor}${sep}`));
      expect(new Set(within.map((file) => file.split(sep)[1]))).to.deep.equal(new Set(rooms));
      const upwards = within.flatMap((file) =>
        importsOf(readFileSync(join(src, file), 'utf8')).flatMap((specifier) => {
          const [target, room = ''] = relative(src, resolve(src, dirname(file), specifier)).split(sep);
          const isUpwards = rooms.indexOf(room) > rooms.indexOf(file.split(sep)[1] ?? '');
          return target === floor && isUpwards ? [`src/${file} imports ${specifier}`] : [];
        }),
      );
      expect(upwards).to.deep.equal([]);
    });
  }

  it('holds for the page of the explorer, which runs in a browser', () => {
    // The page decodes programs with code of the store. Its other code that reaches outside is in its own folder.
    const allowed = [
      ...pure,
      join('store', 'programFile.ts'),
      ...['api.ts', 'floatText.ts', 'site.ts', 'page'].map((name) => join('explorer', name)),
    ];
    // Folders that sign, or read directly from a node, are loaded on demand, and may use ethers and code for the chain.
    const loadedLater = ['act', 'ask', 'direct', 'text'].map((name) => join('explorer', 'page', name));
    const allowedLater = [
      ...allowed,
      ...['chain', 'client', join('explorer', 'records')],
      ...[
        join('monitor', 'forecast.ts'),
        join('store', 'publications.ts'),
        join('store', 'remote', 'locations.ts'),
      ],
    ];
    const within = files.filter((file) => file.startsWith(join('explorer', 'page')));
    const objections = within.flatMap((file) =>
      importsOf(readFileSync(join(src, file), 'utf8')).flatMap((specifier) => {
        const target = relative(src, resolve(src, dirname(file), specifier));
        const isLater = loadedLater.some((one) => file.startsWith(one));
        const isAllowed = specifier.startsWith('.')
          ? (isLater ? allowedLater : allowed).some(
              (one) => target === one || target.startsWith(`${one}${sep}`),
            )
          : specifier === 'preact' ||
            specifier.startsWith('preact/') ||
            (isLater && ['ethers', '#typechain'].includes(specifier));
        return isAllowed ? [] : [`src/${file} imports ${specifier}`];
      }),
    );
    expect(within).to.have.length.above(5);
    expect(objections).to.deep.equal([]);
  });

  it('holds for tests, which import no scripts', () => {
    const root = resolve(src, '..');
    const tests = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
    const objections = tests
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const path = join(import.meta.dirname, file);
        const targets = importsOf(readFileSync(path, 'utf8')).map((specifier) =>
          relative(root, resolve(dirname(path), specifier)),
        );
        return targets.filter((target) => target.startsWith(`scripts${sep}`)).map(() => `test/${file}`);
      });
    expect(objections).to.deep.equal([]);
  });

  it('objects to an import upwards', () => {
    expect(objection('scalar/row.ts', '../program/node.ts')).to.match(/upwards/);
    expect(objection('provider/run.ts', '../cli/main.ts')).to.match(/upwards/);
  });

  it('objects to the outside world in a pure folder', () => {
    expect(objection('trace/run.ts', 'node:fs')).to.match(/pure/);
    expect(objection('dispute/rules.ts', 'ethers')).to.match(/pure/);
    expect(objection('scalar/row.ts', 'hash-wasm')).to.match(/pure/);
  });

  it('objects to an import past the surface of a floor', () => {
    expect(objection('text/compile.ts', '../onnx/ir/tensor.ts')).to.match(/inside onnx/);
    expect(objection('text/compile.ts', '../onnx/building.ts')).to.equal(undefined);
    expect(objection('onnx/joined.ts', './ir/tensor.ts')).to.equal(undefined);
  });

  it('finds a cycle', () => {
    const imports = (c: string[]) => new Map(Object.entries({ a: ['b', 'c'], b: ['c'], c }));
    expect(cycleIn(imports([]))).to.equal(undefined);
    expect(cycleIn(imports(['b']))).to.deep.equal(['b', 'c', 'b']);
    expect(cycleIn(imports(['c']))).to.deep.equal(['c', 'c']);
  });

  it('objects to development tools in what users run', () => {
    expect(objection('cli/main.ts', '../../scripts/node.mjs')).to.match(/leaves src/);
    expect(objection('rehearsal/stage.ts', '../../test/support/programs.ts')).to.match(/leaves src/);
    expect(objection(join('cli', 'assay.mjs'), '../../scripts/node.mjs')).to.equal(undefined);
  });

  it('allows imports downwards and the packages in the table', () => {
    expect(objection('trace/run.ts', '../merkle/tree.ts')).to.equal(undefined);
    expect(objection('merkle/keccak.ts', 'hash-wasm')).to.equal(undefined);
    expect(objection('chain/read.ts', 'ethers')).to.equal(undefined);
  });

  it('sees imports in all their forms', () => {
    const source =
      'import a from "./a.ts";\nimport {\n  b,\n} from "./b.ts";\nimport "./c.ts";\n' +
      'export * from "./d.ts";\nimport type { E } from "./e.ts";\nawait import("./f.ts");\n';
    expect(importsOf(source)).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `./${name}.ts`));
  });
});
