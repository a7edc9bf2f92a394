import { sizeOf } from '../../program/node.ts';
import { instructionOf, OPCODE } from '../../scalar/instructions.ts';
import { isKernelOnly, type Operation, type ScalarCode } from './code.ts';
import { type Form, valueRange } from './form.ts';
import {
  type Access,
  ELEMENT_SIZE,
  groupBytes,
  groupCount,
  isLinear,
  type Kernel,
  type ScratchBuffer,
  slotLayout,
} from './kernel.ts';
import { kernelForms } from './loops.ts';
import { verifyTiling } from './verifyTiling.ts';
import { type Require, requireFor } from './violation.ts';

/**
 * Checks the rules that every kernel keeps from one pass to the next: indices are in range, code reads slots that are set
 * before, every access stays inside its source, stores write each element once, and tiles cover the outputs.
 *
 * Tests run it after each pass. It is not run when programs are loaded.
 *
 * @throws KernelError with the first rule that is broken
 */
export function verify(kernel: Kernel): void {
  verifyAs('kernel', kernel);
}

function verifyAs(name: string, kernel: Kernel): void {
  const require = requireFor(name);
  verifyLoops(kernel, require);
  verifyTiling(kernel, require);
  verifyCode('step', kernel.step, kernel, require);
  verifyCode('post', kernel.post, kernel, require);
  kernel.accesses.forEach((access, i) => {
    verifyAccess(`access ${i}`, i, access, kernel, require);
  });
  verifyStore(kernel, require);
  kernel.packed.forEach(({ coefficients, extents, bytes, elementBytes, group }, i) => {
    require(coefficients.length === extents.length, `packed buffer ${i} has other loops than coefficients`);
    const elements = group ? sizeOf(extents.with(-2, groupCount(group, extents))) : sizeOf(extents);
    require(bytes ===
      elements *
        (group
          ? groupBytes(group)
          : elementBytes), `packed buffer ${i} has ${bytes} bytes for ${elements} elements`);
  });
  kernel.scratch.forEach((buffer, i) => {
    verifyScratch(`scratch buffer ${i}`, buffer, i, kernel, require);
    verifyAs(`${name}, fill of scratch buffer ${i}`, buffer.fill);
  });
}

function verifyLoops(kernel: Kernel, require: Require): void {
  const { extents, outputs, band } = kernel;
  require(extents.every((extent) => Number.isSafeInteger(extent) && extent > 0), 'an extent is not positive');
  require(outputs >= 0 && outputs <= extents.length, `${outputs} of ${extents.length} loops are outputs`);
  kernelForms(kernel).forEach((form) => {
    const count = form.coefficients.length;
    require(count === extents.length, `a form has ${count} coefficients for ${extents.length} loops`);
    require([form.constant, ...form.coefficients].every(Number.isSafeInteger), 'a form is not of integers');
  });
  if (!band) return;
  require(band.loop >= 0 &&
    band.loop < outputs, `bands lie along loop ${band.loop}, which is no output loop`);
  require(band.size > 0 && band.size % band.unit === 0, 'a band is no whole number of work items');
}

const arity = (operation: Operation): number =>
  isKernelOnly(operation) ? 2 : instructionOf(OPCODE[operation])!.arity;

function verifyCode(
  name: string,
  { instructions, result }: ScalarCode,
  kernel: Kernel,
  require: Require,
): void {
  const { results } = slotLayout(kernel);
  instructions.forEach(({ operation, args }, i) => {
    require(args.length === arity(operation), `${name}: ${operation} has ${args.length} arguments`);
    require(args.every(
      (slot) => slot >= 0 && slot < results + i,
    ), `${name}: instruction ${i} reads a slot that is not set`);
  });
  require(result >= 0 &&
    result < results + instructions.length, `${name}: its result is a slot that is not set`);
}

function verifyAccess(
  name: string,
  position: number,
  access: Access,
  kernel: Kernel,
  require: Require,
): void {
  const { source, gathers, checks, quotients, coordinates } = access;
  require(gathers.every(
    (gather) => gather.access >= 0 && gather.access < position,
  ), `${name} gathers by an access that is not an earlier one`);
  require(checks.every(
    ({ bound, multipleOf }) => (bound === undefined || bound > 0) && multipleOf >= 1,
  ), `${name} has a check that nothing passes`);
  require([...quotients, ...coordinates].every(
    ({ divisor }) => divisor >= 1,
  ), `${name} divides by less than 1`);
  const bytes = sourceBytes(name, access, kernel, require);
  if (access.isAlwaysOutside || !isLinear(access) || bytes === undefined || bytes > MAX_BYTES) return;
  // The addresses of panels depend on the tile, which is chosen later.
  if (access.address.laneStride !== undefined && !kernel.tile) return;
  const { low, high } = addressRange(access.address, kernel);
  require(low >= 0 &&
    high + ELEMENT_SIZE[access.element] <=
      bytes, `${name} reads bytes ${low} to ${high + ELEMENT_SIZE[access.element] - 1} of ${bytes} bytes of its ${source.kind}`);
}

/** Above this size, addresses modulo 2^32 do not tell which of two bytes comes first. */
const MAX_BYTES = 2 ** 31;

/** Size of an access's source; undefined if it holds a band, whose addresses count from where the whole would start. */
function sourceBytes(
  name: string,
  { source }: Access,
  { packed, scratch }: Kernel,
  require: Require,
): number | undefined {
  if (source.kind === 'tensor') {
    require(source.start >= 0 &&
      source.start <= source.end, `${name} has a source that ends before it starts`);
    return source.end - source.start;
  }
  const buffers = source.kind === 'packed' ? packed : scratch;
  const buffer = buffers[source.buffer];
  require(buffer !== undefined, `${name} reads ${source.kind} buffer ${source.buffer} of ${buffers.length}`);
  return source.kind === 'scratch' && scratch[source.buffer]!.band ? undefined : buffer!.bytes;
}

/**
 * The least and the greatest address of a form. With a lane stride, a tile starts at a multiple of its lanes, and all lanes
 * of its vectors are read, those past the end too.
 */
function addressRange(form: Form, { extents, tile }: Kernel): { low: number; high: number } {
  const { laneStride, coefficients, constant } = form;
  if (laneStride === undefined || !tile) return valueRange(form, extents);
  const { laneLoop, vectors } = tile;
  const width = LANES * vectors;
  const others = coefficients.map((coefficient, i) => (i === laneLoop ? 0 : coefficient));
  const { low, high } = valueRange({ constant, coefficients: others }, extents);
  const lastTile = Math.floor((extents[laneLoop]! - 1) / width) * width;
  return { low, high: high + coefficients[laneLoop]! * lastTile + laneStride * (width - 1) };
}

/** Lanes of a vector. Code generators with other vectors have panels of the same width in lanes. */
const LANES = 4;

function verifyStore(kernel: Kernel, require: Require): void {
  const { extents, outputs, store, bandIndex } = kernel;
  const { address, element, bytes } = store;
  const size = ELEMENT_SIZE[element];
  require(address.coefficients
    .slice(outputs)
    .every((coefficient) => coefficient === 0), 'the place of a result depends on a fold index');
  if (!bandIndex) {
    const { low, high } = addressRange(address, kernel);
    require(low >= 0 &&
      high + size <= bytes, `bytes ${low} to ${high + size - 1} are stored in ${bytes} bytes`);
  }
  if (address.laneStride !== undefined) return;
  // From the innermost stride outwards, each loop must step over all that the loops inside it write.
  const loops = extents.map((_, i) => i).filter((i) => i < outputs && extents[i]! > 1);
  loops.sort((a, b) => address.coefficients[a]! - address.coefficients[b]!);
  let written = size;
  for (const loop of loops) {
    const stride = address.coefficients[loop]!;
    // A band overwrites the one before, but along its own dimension elements follow each other.
    require(stride >= written || bandIndex !== undefined, `loop ${loop} stores over what it stored before`);
    written = stride * (extents[loop]! - 1) + written;
  }
}

function verifyScratch(
  name: string,
  { fill, bytes, dimensions, band }: ScratchBuffer,
  position: number,
  { accesses, extents }: Kernel,
  require: Require,
): void {
  require(fill.outputs === fill.extents.length, `${name} is filled by a kernel with a fold`);
  require(fill.scratch.length + fill.packed.length === 0, `${name} is filled from buffers`);
  require(fill.store.bytes === bytes, `${name} has ${bytes} bytes, and ${fill.store.bytes} are filled`);
  require(accesses.some(
    ({ source }) => source.kind === 'scratch' && source.buffer === position,
  ), `${name} is not read`);
  dimensions.forEach(({ extent, index }, d) => {
    const { low, high } = valueRange(index, extents);
    require(low >= 0 &&
      high < extent, `${name} is read at ${low} to ${high} of ${extent} along dimension ${d}`);
  });
  if (band) require(fill.bandIndex !== undefined, `${name} holds a band, and its fill has no band index`);
}
