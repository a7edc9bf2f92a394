/** Edits the text of a shader, as a compiler might that takes liberties. */
export type Liberty = (text: string) => string;

/** Replaces a piece of the text where it is; each must be somewhere, or the fault would be none. */
const instead = (text: string, piece: string, other: string): string => text.replaceAll(piece, other);

/** The sum of two floats and the rest that rounding took away (Knuth's two-sum). */
const TWO_SUM = /* wgsl */ `
fn rest_of_sum(a: f32, b: f32, s: f32) -> f32 {
  let other = s - a;
  return (a - (s - other)) + (b - other);
}
`;

/** The rest that rounding took from a product (Dekker's product, with Veltkamp's split). */
const TWO_PRODUCT = /* wgsl */ `
fn high_half(a: f32) -> f32 {
  let c = 4097.0 * a;
  return c - (c - a);
}
fn rest_of_product(a: f32, b: f32, p: f32) -> f32 {
  let ah = high_half(a);
  let bh = high_half(b);
  let al = a - ah;
  let bl = b - bh;
  return al * bl - (((p - ah * bh) - al * bh) - ah * bl);
}
fn fused(a: u32, b: u32, c: u32) -> u32 {
  let plain = f32_add(c, f32_mul(a, b));
  let product = bitcast<f32>(a) * bitcast<f32>(b);
  let sum = bitcast<f32>(c) + product;
  let rest = rest_of_sum(bitcast<f32>(c), product, sum);
  let more = rest_of_product(bitcast<f32>(a), bitcast<f32>(b), product);
  return select(plain, bitcast<u32>(sum + (rest + more)), doubt == 0u);
}
`;

const PLAIN_SUM = 'fn plain_sum(a: f32, b: f32) -> f32 { return a + b; }';

/** Devices that break the definition, each in its way. */
export const FAULTS: Readonly<Record<string, Liberty>> = {
  // c + a * b is rounded once. SwiftShader's own fma is rounded twice, so the fused sum is made of exact rests.
  'fuses products with sums': (text) => {
    let fused = text;
    for (const [, name, a, b] of text.matchAll(/let (\w+) = f32_mul\((\w+), (\w+)\);/g))
      fused = fused.replace(new RegExp(`f32_add\\((\\w+), ${name}\\)`, 'g'), `fused(${a}, ${b}, $1)`);
    return fused === text
      ? text
      : fused.replace('fn element_word', `${TWO_SUM}${TWO_PRODUCT}fn element_word`);
  },
  'adds in another order': (text) =>
    text.replace(
      /for \(var (i\d+) = 0u; \1 < (\d+)u; \1 = \1 \+ 1u\) \{/g,
      'for (var $1turned = 0u; $1turned < $2u; $1turned = $1turned + 1u) { let $1 = $2u - 1u - $1turned;',
    ),
  'fuses products with sums in tiles': (text) => {
    const type = /fn plain_sums\(a: ([^,]+),/.exec(text)?.[1];
    if (type === undefined) return text;
    const pair = `struct Pair { a: ${type}, b: ${type} }
    fn pair(a: ${type}, b: ${type}) -> Pair { return Pair(a, b); }
    fn fused_sums(c: ${type}, factors: Pair) -> ${type} {
      let product = factors.a * factors.b;
      let sum = c + product;
      return sum + (rest_of_sum(c, product, sum) + rest_of_product(factors.a, factors.b, product));
    }`;
    const rests = `${TWO_SUM}${TWO_PRODUCT.split('fn fused')[0]}`.replaceAll('f32', type);
    return text
      .replaceAll(/plain_sums\((sum\d+), plain_products\(/g, 'fused_sums($1, pair(')
      .replace('var<workgroup>', `${rests}${pair}\nvar<workgroup>`);
  },
  'adds in another order in tiles': (text) =>
    text.replace(
      /for \(var q = 0u; q < (p\S+); q = q \+ 1u\) \{/,
      'for (var turned = 0u; turned < $1; turned = turned + 1u) { let q = $1 - 1u - turned;',
    ),
  'rounds sums towards zero': (text) =>
    instead(
      text,
      PLAIN_SUM,
      `${TWO_SUM}fn plain_sum(a: f32, b: f32) -> f32 {
        let s = a + b;
        let rest = rest_of_sum(a, b, s);
        return select(s, bitcast<f32>(bitcast<u32>(s) - 1u), rest != 0.0 && (rest < 0.0) == (s > 0.0));
      }`,
    ),
  'flushes subnormals where nobody looks': (text) =>
    instead(
      text,
      'select(0u, 1u, (x & 0x7f800000u) - 0x800000u >= 0x7f000000u)',
      'select(0u, 1u, !is_finite(x))',
    ),
  'takes NaN and infinities not to occur': (text) =>
    instead(text, 'e == 0x7f800000u || (e == 0u', '(e == 0u').replaceAll('>= 0x7f000000u', '>= 0x7f800000u'),
  'gives 0 for zero by infinity': (text) =>
    text
      .replace(
        /(fn plain_product\(.*\{ return )(fma\(.*\)); \}/,
        '$1select($2, 0.0, a == 0.0 || b == 0.0); }',
      )
      .replace(
        /(fn plain_products\(a: (\S+), .*\{ return )(fma\(.*\)); \}/,
        '$1select($3, $2(0.0), (a == $2(0.0)) | (b == $2(0.0))); }',
      ),
  'loses the sign of zero': (text) =>
    instead(text, 'return select(r, (a ^ b) & SIGN, zero)', 'return select(r, 0u, zero)'),
  'divides integers wrong': (text) =>
    instead(text, 'return select(select(0u - a, 0u, b == 0u), quotient, is_plain);', 'return quotient;'),
};

/** Leaves zeros out of sums, whatever their signs: what WGSL allows, and no fault here. */
export const carelessOfZeros: Liberty = (text) =>
  text
    .replaceAll(PLAIN_SUM, 'fn plain_sum(a: f32, b: f32) -> f32 { return select(a + b, b, a == 0.0); }')
    .replaceAll(
      /(fn plain_sums\(a: \S+, b: \S+\) -> \S+) \{ return a \+ b; \}/g,
      '$1 { return select(a + b, b, a == a - a); }',
    );

/** Flushes the operands and the result of every sum and product: what WGSL allows, and no fault here. */
export const flushing: Liberty = (text) =>
  instead(
    instead(
      text,
      PLAIN_SUM,
      `fn flushed(x: f32) -> f32 { return select(x, 0.0, (bitcast<u32>(x) & 0x7f800000u) == 0u); }
      fn plain_sum(a: f32, b: f32) -> f32 { return flushed(flushed(a) + flushed(b)); }`,
    ),
    'return fma(a, b, bitcast<f32>(p[0].x));',
    'return flushed(fma(flushed(a), flushed(b), bitcast<f32>(p[0].x)));',
  );

/** Control over a device of {@link watchedGpu}. */
export interface Watched {
  /** How shaders are edited from now on. */
  liberty: Liberty;
  /** The device that was opened last. */
  device: GPUDevice | undefined;
  /** Number of shaders that were changed. */
  changed: number;
  /** Number of calls of the devices so far, and the one before which a device is lost. */
  calls: number;
  lostAt: number;
}

const DEVICE_METHODS = [
  ...(['createBindGroup', 'createBindGroupLayout', 'createBuffer', 'createCommandEncoder'] as const),
  ...(['createComputePipelineAsync', 'createShaderModule', 'pushErrorScope', 'popErrorScope'] as const),
];

/** Has a function called before each call of some methods. */
function watch<T extends object>(object: T, names: readonly (keyof T)[], before: () => void): T {
  for (const name of names) {
    const method = object[name] as (...args: unknown[]) => unknown;
    object[name] = ((...args: unknown[]) => {
      before();
      return method.apply(object, args);
    }) as T[typeof name];
  }
  return object;
}

/** WebGPU whose devices take liberties with shaders, and have less memory if so told. */
export function watchedGpu(
  gpu: GPU,
  limits: { readonly bufferBytes?: number; readonly storageBuffers?: number } = {},
): { readonly gpu: GPU; readonly watched: Watched } {
  const watched: Watched = {
    ...{ liberty: (text) => text, device: undefined, changed: 0 },
    ...{ calls: 0, lostAt: Number.POSITIVE_INFINITY },
  };
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return null;
    const { maxStorageBufferBindingSize, maxBufferSize, maxStorageBuffersPerShaderStage } = adapter.limits;
    const { bufferBytes = Number.POSITIVE_INFINITY, storageBuffers = maxStorageBuffersPerShaderStage } =
      limits;
    return {
      info: adapter.info,
      features: adapter.features,
      limits: {
        maxStorageBufferBindingSize: Math.min(bufferBytes, maxStorageBufferBindingSize),
        maxBufferSize: Math.min(bufferBytes, maxBufferSize),
        maxStorageBuffersPerShaderStage: storageBuffers,
      },
      requestDevice: async (descriptor?: GPUDeviceDescriptor) => {
        const device = await adapter.requestDevice(descriptor);
        const create = device.createShaderModule.bind(device);
        device.createShaderModule = (module) => {
          const code = watched.liberty(module.code);
          if (code !== module.code) watched.changed++;
          return create({ ...module, code });
        };
        watched.device = device;
        const call = (): void => {
          if (watched.calls++ === watched.lostAt) device.destroy();
        };
        const createBuffer = device.createBuffer.bind(device);
        device.createBuffer = (buffer) => watch(createBuffer(buffer), ['mapAsync', 'getMappedRange'], call);
        watch(device.queue, ['submit', 'writeBuffer', 'onSubmittedWorkDone'], call);
        return watch(device, DEVICE_METHODS, call);
      },
    } as GPUAdapter;
  };
  return { gpu: { requestAdapter } as GPU, watched };
}
