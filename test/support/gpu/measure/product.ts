import { declarations, PARAMETER_BYTES } from '../../../../src/engine/webgpu/bindings.ts';
import type { GpuDevice } from '../../../../src/engine/webgpu/device.ts';
import { matMul, ProgramBuilder } from '../../programs.ts';
import { Random } from '../../randomProgram.ts';
import { floats } from '../products.ts';
import { openMachine, timeOf } from './machine.ts';

const INVOCATIONS = 256;
/** Floats that an invocation of the peak's kernel goes on with, side by side. */
const CHAINS = 32;

/** Products and sums in registers, none of them fused: what a device does at best. */
const peakText = (steps: number): string => {
  const vectors = Array.from({ length: CHAINS / 4 }, (_, i) => i);
  return /* wgsl */ `
${declarations(2)}
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let zero = vec4<f32>(bitcast<f32>(p[0].x));
  let factor = vec4<f32>(bitcast<f32>(p[0].y));
  let term = vec4<f32>(bitcast<f32>(p[0].z));
  ${vectors.map((i) => `var s${i} = vec4<f32>(f32(id.x + ${i}u));`).join('\n  ')}
  for (var k = 0u; k < ${steps}u; k = k + 1u) {
    ${vectors.map((i) => `s${i} = term + fma(s${i}, factor, zero);`).join('\n    ')}
  }
  let all = ${vectors.map((i) => `s${i}`).join(' + ')};
  if (all.x == 12345.0) { m0[0] = bitcast<u32>(all.y + all.z + all.w); }
}
`;
};

/** Sums and products a second, by kernels that do nothing else. */
export async function peakOf(device: GpuDevice, groups: number, steps: number): Promise<number> {
  const pipeline = await device.kernel(peakText(steps), 2);
  const parameters = await device.buffer(PARAMETER_BYTES, 'uniform');
  const words = Uint32Array.from([0x80000000, 0x3f7ff000, 0x3a800000]);
  device.write(parameters, 0, new Uint8Array(words.buffer));
  const others = await Promise.all([4, 4, 4, 4].map((bytes) => device.buffer(bytes, 'storage')));
  const group = device.bindings(parameters, others);
  const ms = await timeOf(async () => {
    const encoder = device.encoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group, [0]);
    pass.dispatchWorkgroups(groups);
    pass.end();
    device.submit(encoder);
    await device.done();
  });
  for (const buffer of [parameters, ...others]) buffer.destroy();
  return (2 * groups * INVOCATIONS * CHAINS * steps) / (ms / 1000);
}

/** The time of a product of floats [size, size] by [size, size] on a device, and whether it is exact. */
export interface SquareProduct {
  readonly ms: number;
  readonly flops: number;
  /** Elements of the result that were compared with the definition. */
  readonly compared: number;
  readonly isExact: boolean;
}

/** Elements that are compared. */
const COMPARED = 1000;

export async function squareProduct(device: GpuDevice, size: number): Promise<SquareProduct> {
  const random = new Random(7);
  const build = new ProgramBuilder();
  const [x, y] = [build.input('f32', [size, size]), build.input('f32', [size, size])];
  const node = build.node(matMul(x, y, size, size, size));
  const { program, weights } = build.finish();
  const factors = [0, 1].map(() => floats(random, size * size, 0));
  const { machine, close } = await openMachine(device, program, weights);
  await machine.put(x, factors[0]!);
  await machine.put(y, factors[1]!);
  const ms = await timeOf(() => machine.runNode(node), 5);
  const [bytes] = await machine.read([node]);
  close();
  const [a, b, found] = [...factors, bytes!].map((one) => new Float32Array(one.slice().buffer)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  let isExact = true;
  for (let i = 0; i < COMPARED; i++) {
    const [row, lane] = [random.below(size), random.below(size)];
    let sum = 0;
    for (let k = 0; k < size; k++)
      sum = Math.fround(sum + Math.fround(a[row * size + k]! * b[k * size + lane]!));
    isExact &&= Object.is(sum, found[row * size + lane]!);
  }
  return { ms, flops: (2 * size ** 3) / (ms / 1000), compared: COMPARED, isExact };
}
