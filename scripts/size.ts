// Prints the runtime size of every contract and holds it against the committed one.
//
//   npm run size                compares with test/snapshots/sizes.json
//   npm run size -- --update    rewrites it
import { artifacts } from 'hardhat';
import { differences, type Measurements, readSnapshot, writeSnapshot } from '../test/support/snapshot.ts';

const file = 'test/snapshots/sizes.json';

/** EIP-170: the most bytes of code an account may have. */
const LIMIT = 24_576;
/** EIP-3860: the most bytes that create a contract. */
const INIT_LIMIT = 49_152;

function isEntry({ type }: { type: string }): boolean {
  return ['function', 'fallback', 'receive'].includes(type);
}

async function measure(): Promise<Measurements> {
  const sizes: Record<string, number> = {};
  for (const name of await artifacts.getAllFullyQualifiedNames()) {
    if (!name.startsWith('contracts/') || name.startsWith('contracts/mocks/')) continue;
    const { abi, bytecode, contractName, deployedBytecode } = await artifacts.readArtifact(name);
    const bytes = deployedBytecode.length / 2 - 1;
    const initBytes = bytecode.length / 2 - 1;
    if (initBytes > INIT_LIMIT) {
      console.error(`the creation code of ${name} is ${initBytes - INIT_LIMIT} bytes over the limit`);
      process.exitCode = 1;
    }
    // Interfaces have no code; libraries without an entry are never deployed.
    if (bytes > 0 && abi.some(isEntry)) sizes[contractName] = bytes;
  }
  return sizes;
}

const measured = await measure();
for (const [name, bytes] of Object.entries(measured)) {
  console.log(`${String(bytes).padStart(6)} of ${LIMIT}  ${name}`);
  if (bytes > LIMIT) {
    console.error(`${name} is ${bytes - LIMIT} bytes over the limit`);
    process.exitCode = 1;
  }
}

if (process.argv.includes('--update')) {
  writeSnapshot(file, measured);
} else {
  const changed = differences(readSnapshot(file), measured);
  for (const line of changed) console.error(`size differs from ${file}: ${line}`);
  if (changed.length > 0) {
    console.error('if that is meant: npm run size -- --update');
    process.exitCode = 1;
  }
}
