// `npm run build`: what an installed package runs, in dist/. The sources are src/ and the compiled contracts.
//
//   dist/assay.js        the command line; all that it uses is in dist/command/
//   dist/command/explorer/  the page that `assay explorer` serves
//   dist/<entry>.js      what `exports` in package.json names, from src/exports/
//   dist/abi.js          the contracts' interfaces
//   dist/types/          declarations
import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleExplorer } from '../src/explorer/bundlePage.mjs';
import { root } from './node.mjs';
import { writeAbi } from './package/abi.ts';
import { bundle } from './package/bundle.mjs';
import { writeDeclarations } from './package/declarations.ts';
import { notices } from './package/notices.ts';

const ENTRIES = ['client', 'engine', 'onnx', 'services'];
/** Beside the program, because the referee of an older chain is created from it. */
const WITHOUT_CLZ = 'build/withoutClz/artifacts/contracts/InferenceOracle.sol/InferenceOracle.json';

const dist = join(root, 'dist');
const source = (entry: string): string => `src/exports/${entry}.ts`;

if (!existsSync(join(root, WITHOUT_CLZ))) {
  throw new Error('the contracts without CLZ are not compiled; run `npm run compile` first');
}
rmSync(dist, { recursive: true, force: true });
const bundled = [
  await bundle({ entries: { main: 'src/cli/main.ts' }, outdir: join(dist, 'command') }),
  await bundleExplorer(join(dist, 'command', 'explorer')),
  // A client's ethers is its user's, whose signers and providers it takes.
  await bundle({
    entries: Object.fromEntries(ENTRIES.map((entry) => [entry, source(entry)])),
    outdir: dist,
    external: ['ethers'],
  }),
];
const inputs = bundled.flatMap((metafile) => Object.keys(metafile.inputs));
copyFileSync(join(root, 'src/cli/installed.mjs'), join(dist, 'assay.js'));
writeFileSync(join(dist, 'THIRD_PARTY_LICENSES.txt'), notices(root, inputs));
writeDeclarations(root, ENTRIES.map(source), join(dist, 'types'));
writeAbi(root, join(dist, 'abi.js'), join(dist, 'types', 'abi.d.ts'));
