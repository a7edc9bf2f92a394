import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect } from 'chai';

// Layers of src/, lowest first: a folder imports from itself and from lower layers, which come before it in this list.
const layers = [
  'scalar',
  'program',
  'wasm',
  'merkle',
  'engine',
  'trace',
  'onnx',
  'text',
  'dispute',
  // ---- before this: pure, runs in a browser; after it: the outside world ----
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

type Layer = (typeof layers)[number];

const pure: readonly Layer[] = layers.slice(0, layers.indexOf('files'));

/** The only packages that a pure folder may import. */
const packagesOf: Partial<Record<Layer, readonly string[]>> = {
  merkle: ['hash-wasm'],
  onnx: ['onnx-proto'],
  text: ['@huggingface/gguf', '@huggingface/tokenizers'],
};

/** Folders of which the first must not import the second, although their order would allow it. */
const apart: readonly (readonly [from: Layer, to: Layer])[] = [
  ['watcher', 'provider'],
  ['client', 'provider'],
  ['client', 'watcher'],
];

/** The only files of a layer that other layers may import, where there is a choice. */
const surfacesOf: Partial<Record<Layer, readonly string[]>> = {
  onnx: ['index.ts', 'building.ts', 'errors.ts', 'floatFormats.ts', 'packedBits.ts', 'types.ts'],
};

/**
 * Folders and files of a layer, lowest first: each may import from itself and from those before it. `.` stands for the
 * files that the list does not name.
 */
const foldersOf: Partial<Record<Layer, readonly string[]>> = {
  engine: [
    ...['cached.ts', 'engine.ts', 'reference', 'kernel', 'graph', 'memory', 'passes'],
    ...['threads', 'wasm', 'webgpu'],
  ],
  onnx: [
    ...['errors.ts', 'floatFormats.ts', 'packedBits.ts', 'types.ts'],
    ...['read', 'ir', 'loops', 'tensors', 'functions', 'operators', 'frontend', 'backend'],
    ...['import.ts', 'joined.ts', 'index.ts', 'building.ts'],
  ],
  text: ['.', 'gguf', 'session'],
  chain: [
    ...['bigints.ts', 'contracts', 'messages', 'endpoints', 'index', 'transactions', 'money'],
    ...['actions', 'service', 'deployment'],
  ],
  store: ['blobs.ts', 'programFile.ts', 'library.ts', 'remote', '.'],
  work: ['.', 'fleet'],
  explorer: ['api.ts', 'floatText.ts', 'site.ts', 'records', 'server', 'page', 'bundlePage.mjs'],
  cli: [
    ...['exit.ts', 'console.ts', 'arguments.ts', 'ports.ts'],
    ...['keys', 'connection', 'text', 'models', 'services', 'doctor', 'monitor'],
    ...['options.ts', 'commands', 'commandLine.ts', 'main.ts', 'assay.mjs', 'installed.mjs'],
  ],
};

const src = resolve(import.meta.dirname, '../src');

/** A file without its comments. */
const codeIn = (file: string): string =>
  readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');

function isLayer(name: string | undefined): name is Layer {
  return layers.some((layer) => layer === name);
}

function importsOf(source: string): string[] {
  const pattern =
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Why `file`, a path inside src/, may not import `specifier`; undefined if it may. */
function objection(file: string, specifier: string): string | undefined {
  const [from] = file.split(sep);
  if (!isLayer(from)) return 'is in a folder that the list of layers does not name';
  if (specifier.startsWith('.')) {
    const target = relative(src, resolve(src, dirname(file), specifier));
    const [to, ...within] = target.split(sep);
    // The command of a clone compiles itself; nothing that a user of the package runs needs a script.
    if (to === '..') return file === join('cli', 'assay.mjs') ? undefined : `leaves src/ for ${specifier}`;
    if (!isLayer(to)) return `imports ${specifier}, which is in no layer`;
    if (layers.indexOf(to) > layers.indexOf(from)) return `imports from a higher layer, ${to}/`;
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

describe('layers of imports', () => {
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

  for (const [layer, folders] of Object.entries(foldersOf)) {
    it(`holds for the folders of ${layer}`, () => {
      const within = files.filter((file) => file.startsWith(`${layer}${sep}`));
      const folderOf = (path: string): string => {
        const [, entry = '', ...rest] = path.split(sep);
        return rest.length > 0 || folders.includes(entry) ? entry : '.';
      };
      expect(new Set(within.map(folderOf))).to.deep.equal(new Set(folders));
      const fromHigher = within.flatMap((file) =>
        importsOf(readFileSync(join(src, file), 'utf8')).flatMap((specifier) => {
          const target = relative(src, resolve(src, dirname(file), specifier));
          const isFromHigher = folders.indexOf(folderOf(target)) > folders.indexOf(folderOf(file));
          return target.startsWith(`${layer}${sep}`) && isFromHigher
            ? [`src/${file} imports ${specifier}`]
            : [];
        }),
      );
      expect(fromHigher).to.deep.equal([]);
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

  it('holds for pure folders: no clock, no chance, nothing of the process', () => {
    const impure = /\bprocess\b\??\.|\bperformance\.now\(|\bDate\.now\(|\bMath\.random\(/;
    const objections = files
      .filter((file) => pure.some((layer) => file.startsWith(`${layer}${sep}`)))
      .filter((file) => impure.test(codeIn(file)));
    // Time decides when an engine yields to others; the process decides how WebAssembly is compiled and where threads run.
    const excepted = [
      join('engine', 'engine.ts'),
      join('engine', 'threads', 'spawn.ts'),
      join('wasm', 'compile.ts'),
    ];
    expect(objections.toSorted()).to.deep.equal(excepted);
  });

  it('holds for the wall clock, which may be set back and measures no time', () => {
    const wallClock = /\bDate\.now\b|\bnew Date\(\)/;
    const told = files
      .filter((file) => wallClock.test(codeIn(file)))
      .map((file) => file.replaceAll(sep, '/'));
    expect(told.toSorted()).to.deep.equal(
      [
        // Compared with times of the chain, or of another machine.
        ...['chain/endpoints/endpoints.ts', 'chain/endpoints/http.ts', 'chain/service/chainClock.ts'],
        ...['chain/transactions/lease.ts', 'cli/commands/doctor.ts', 'cli/commands/worker.ts'],
        ...['operator/overview.ts', 'work/fleet/fleetRunner.ts', 'work/fleet/fleetWorker.ts'],
        // Compared with times of files, from earlier starts too; it decides which copy goes first.
        'explorer/server/keptModels.ts',
        // Shown.
        ...['cli/monitor/alarmDesk.ts', 'explorer/server/follower.ts', 'operator/log.ts'],
        // Part of a name that is new with each start.
        'explorer/server/ready.ts',
      ].toSorted(),
    );
  });

  it('objects to an import from a higher layer', () => {
    expect(objection('scalar/row.ts', '../program/node.ts')).to.match(/higher layer/);
    expect(objection('provider/run.ts', '../cli/main.ts')).to.match(/higher layer/);
  });

  it('objects to the outside world in a pure folder', () => {
    expect(objection('trace/run.ts', 'node:fs')).to.match(/pure/);
    expect(objection('dispute/rules.ts', 'ethers')).to.match(/pure/);
    expect(objection('scalar/row.ts', 'hash-wasm')).to.match(/pure/);
  });

  it('objects to an import past the surface of a layer', () => {
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

  it('allows imports from lower layers and the packages in the table', () => {
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
