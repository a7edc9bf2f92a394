import type { DType } from '../../program/node.ts';
import { rowMajorStrides } from '../kernel/form.ts';
import { type Kernel, slotLayout } from '../kernel/kernel.ts';
import { declarations, NO_TOTAL, PARAMETER, parameter } from './bindings.ts';
import {
  addressText,
  codeText,
  formText,
  indexText,
  instructionsText,
  type KernelMemories,
  type KernelWriter,
  listText,
  nameIn,
  readText,
  slotsText,
  valuesText,
  word,
  writerOf,
  writesBytes,
} from './kernelText.ts';
import { PLAIN_FLOAT, SOFT_FLOAT } from './softFloat.ts';
import { isQuad, type Product, type TileSide, tileCount, tileLanes, tileRows, tilesOf } from './tile.ts';

/** Sums and products of several lanes at a time, as `PLAIN_FLOAT` has them of one. */
const lanesText = (lanes: 1 | 2 | 4): string => {
  const type = lanes === 1 ? 'f32' : `vec${lanes}<f32>`;
  return /* wgsl */ `
fn plain_sums(a: ${type}, b: ${type}) -> ${type} { return a + b; }
fn plain_products(a: ${type}, b: ${type}) -> ${type} { return fma(a, b, ${type}(bitcast<f32>(p[0].x))); }
`;
};

const range = (count: number): number[] => [...Array(count).keys()];

/** A function that yields the factor of one side for a step, and one that yields it for four steps. */
function sideText(writer: KernelWriter, product: Product, name: 'row' | 'lane', side: TileSide): string {
  const { kernel } = writer;
  const { extents, outputs } = kernel;
  const fold = range(extents.length).slice(outputs);
  const slots = slotLayout(kernel);
  const slotName = nameIn(writer, 'step');
  const usesValues = [side.slot, ...side.instructions.flatMap((i) => kernel.step.instructions[i]!.args)].some(
    (slot) => slot >= slots.indices && slot < slots.results,
  );
  const quads = side.accesses.filter((i) => isQuad(kernel, i));
  const singles = side.accesses.filter((i) => !quads.includes(i));
  const own = `
  var rest = batch; ${indexText('rest', product.batchLoops, extents)}
  ${side.loops.length > 0 ? `var place = at_${name}; ${indexText('place', side.loops, extents)}` : ''}
  ${slotsText(kernel)}`;
  const values = usesValues ? valuesText(kernel, 'step', extents.length).join(' ') : '';
  const code = instructionsText(writer, kernel.step, 'step', side.instructions).join(' ');
  const foldIndices = (step: string): string => `var step = ${step}; ${indexText('step', fold, extents)}`;
  const outside = `at_${name} >= ${word(side.extent)} || k >= ${word(product.steps)}`;
  const head = `(batch: u32, at_${name}: u32, k: u32)`;
  if (quads.length === 0)
    return `
fn ${name}_word${head} -> u32 {
  if (${outside}) { return 0u; }${own}
  ${foldIndices('k')}
  ${values}
  ${singles.flatMap((i) => readText(writer, i, extents.length)).join('\n  ')}
  ${code}
  return ${slotName(side.slot)};
}
fn ${name}_quad${head} -> vec4<u32> {
  var words: vec4<u32>;
  for (var q = 0u; q < 4u; q = q + 1u) { words[q] = ${name}_word(batch, at_${name}, k + q); }
  return words;
}`;
  // An index through which a quad is gathered is the same for its four steps, so it is read once.
  const through = new Set<number>();
  const follow = (i: number): void => {
    for (const { access } of kernel.accesses[i]!.gathers) {
      follow(access);
      through.add(access);
    }
  };
  quads.forEach(follow);
  const isPlain = quads.length === 1 && singles.length === 0 && side.slot === slots.accesses + quads[0]!;
  const steps = `var words: vec4<u32>;
  for (var q = 0u; q < 4u; q = q + 1u) {
    ${foldIndices('k + q')}
    ${values}
    ${quads.map((i) => `a${i} = q${i}[q];`).join(' ')}
    ${singles.flatMap((i) => readText(writer, i, extents.length)).join('\n    ')}
    ${code}
    words[q] = ${slotName(side.slot)};
  }
  return words;`;
  return `
fn ${name}_quad${head} -> vec4<u32> {
  if (${outside}) { return vec4<u32>(0u); }${own}
  ${quads.map((i) => `var q${i} = vec4<u32>(${word(kernel.accesses[i]!.fill)});`).join(' ')}
  {
    ${foldIndices('k')}
    ${[...through].flatMap((i) => readText(writer, i, extents.length)).join('\n    ')}
    ${quads.map((i) => quadText(writer, i)).join('\n    ')}
  }
  ${isPlain ? `return q${quads[0]};` : steps}
}`;
}

/** Statements that set `q<position>` to the words of an access for four steps. */
function quadText({ kernel, memories }: KernelWriter, position: number): string {
  const access = kernel.accesses[position]!;
  const { memory, isNibbles } = memories.accesses[position]!;
  const { inside, at } = addressText(access, kernel.extents.length);
  const offset = parameter(PARAMETER.accesses + position);
  const load = `{ let at = ${at}; q${position} = ${quadLoad(access.element as DType, `m${memory}`, offset, isNibbles)}; }`;
  return inside === '' ? load : `if (${inside}) ${load}`;
}

function quadLoad(element: DType, memory: string, offset: string, isNibbles = false): string {
  if (element === 'f32' || element === 'i32') {
    const words = range(4).map((q) => `${memory}[(at >> 2u) + ${offset} + ${q}u]`);
    return `vec4<u32>(${words.join(', ')})`;
  }
  const [bits, whole] = isNibbles
    ? [4, `(${memory}[(at >> 3u) + ${offset}] >> ((at & 4u) << 2u))`]
    : [8, `${memory}[(at >> 2u) + ${offset}]`];
  const shifts = range(4).map((q) => `${q * bits}u`);
  if (element === 'u8')
    return `(vec4<u32>(${whole}) >> vec4<u32>(${shifts.join(', ')})) & vec4<u32>(${2 ** bits - 1}u)`;
  const up = range(4).map((q) => `${32 - bits - q * bits}u`);
  return `bitcast<vec4<u32>>(bitcast<vec4<i32>>(vec4<u32>(${whole}) << vec4<u32>(${up.join(', ')})) >> vec4<u32>(${32 - bits}u))`;
}

/** One panel: what an invocation loads of it for some steps, and puts into workgroup memory afterwards. */
function panelText(name: 'row' | 'lane', side: TileSide, extent: number, { size, terms }: Product) {
  const quads = size.steps / 4;
  const count = extent * quads;
  const loads = Math.ceil(count / size.invocations);
  const [own, quad] = side.isAlongSteps
    ? [`v / ${quads}u`, `v % ${quads}u`]
    : [`v % ${extent}u`, `v / ${extent}u`];
  const each = (text: string): string => `for (var i = 0u; i < ${loads}u; i = i + 1u) {
      let v = t + ${size.invocations}u * i;
      if (v < ${count}u) { ${text} }
    }`;
  const watch =
    terms.family === 'f32'
      ? 'let seen = (words << vec4<u32>(1u)) - vec4<u32>(1u); let least = min(min(seen.x, seen.y), min(seen.z, seen.w)); ' +
        `atomicMax(&${name}_seen[own], select(~least, 0xffffffffu, doubt != 0u));`
      : '';
  return {
    declared: `var ${name}_next: array<vec4<u32>, ${loads}>;`,
    load: each(`${name}_next[i] = ${name}_quad(batch, first_${name} + ${own}, k + 4u * (${quad}));`),
    store: each(
      `let own = ${own}; let words = ${name}_next[i]; ${name}_panel[own * ${quads + 1}u + ${quad}] = words; ${watch}`,
    ),
  };
}

/**
 * A product as a compute shader: a workgroup computes a tile, with the factors of some steps at a time in workgroup memory.
 * Each element is one accumulator of one invocation, which goes through all steps in their order. Beyond the edge, factors
 * are 0; the products of such steps are zeros, which leave a sum from 0 as it is, because it is never -0.
 *
 * The factors of floats are watched as they are loaded, so that the least of each row and lane is known in the end. A total
 * that may not be right is marked. What follows the fold is left to another kernel, but for integers that need no more and
 * for bytes: a kernel with barriers and long code takes compilers long.
 */
export function emitTile(kernel: Kernel, product: Product, memories: KernelMemories): string {
  const { extents, outputs, init } = kernel;
  const { size, terms, isWhole } = product;
  const { rows, lanes, down, across, invocations } = size;
  const writer = writerOf(kernel, memories);
  const isFloat = terms.family === 'f32';
  const isBytes = writesBytes(kernel);
  const quads = size.steps / 4;
  const [heights, widths] = tilesOf(product, size);
  const type = isFloat ? 'f32' : 'u32';
  const lane = lanes === 1 ? type : `vec${lanes}<${type}>`;
  const panels = [
    panelText('row', product.rows, tileRows(size), product),
    panelText('lane', product.lanes, tileLanes(size), product),
  ];
  const laneAt = (j: string): string => (isBytes ? `tx * ${lanes}u + ${j}` : `tx + ${across}u * ${j}`);
  const wordsOf = (words: string): string => (isFloat ? `bitcast<vec4<f32>>(${words})` : words);
  const step = (q: number): string =>
    range(rows)
      .map((r) => {
        const factors = range(lanes).map((j) => `l${j}[${q}]`);
        const many = lanes === 1 ? factors[0] : `${lane}(${factors.join(', ')})`;
        const one = `${lane}(r${r}[${q}])`;
        return isFloat
          ? `sum${r} = plain_sums(sum${r}, plain_products(${one}, ${many}));`
          : `sum${r} = sum${r} + ${one} * ${many};`;
      })
      .join(' ');
  const totals = range(rows).flatMap((r) =>
    range(lanes).map((j) => {
      const total = lanes === 1 ? `sum${r}` : `sum${r}[${j}]`;
      return isFloat ? `bitcast<u32>(${total})` : total;
    }),
  );
  const outputLoops = range(outputs);
  const element = formText(
    { constant: 0, coefficients: rowMajorStrides(extents.slice(0, outputs), 1) },
    outputs,
  );
  const post = codeText(writer, kernel.post, 'post');
  const after = `
fn element_word(${outputLoops.map((i) => `i${i}: u32, `).join('')}acc: u32) -> u32 {
  ${slotsText(kernel)}
  ${post.lines.join('\n  ')}
  return ${post.name(kernel.post.result)};
}`;
  const computed = isWhole ? `element_word(${outputLoops.map((i) => `i${i}, `).join('')}total)` : 'total';
  const parts = isBytes ? 4 : 1;
  const rightness = (lane: string): string => `let row_least = ~atomicLoad(&row_seen[row_in]);
      let lane_least = ~atomicLoad(&lane_seen[${lane}]);
      let is_right = row_least != 0u && lane_least != 0u && is_finite(total) && are_wide(row_least, lane_least);`;
  return /* wgsl */ `
${declarations(memories.count)}
${SOFT_FLOAT}
${PLAIN_FLOAT}
${isFloat ? lanesText(lanes) : ''}
var<workgroup> row_panel: array<vec4<u32>, ${tileRows(size) * (quads + 1)}>;
var<workgroup> lane_panel: array<vec4<u32>, ${tileLanes(size) * (quads + 1)}>;
${
  isFloat
    ? `// For each row and lane, the complement of 2 * |x| - 1 of its least factor x that is not 0; all ones if one is in doubt.
var<workgroup> row_seen: array<atomic<u32>, ${tileRows(size)}>;
var<workgroup> lane_seen: array<atomic<u32>, ${tileLanes(size)}>;`
    : ''
}
${sideText(writer, product, 'row', product.rows)}
${sideText(writer, product, 'lane', product.lanes)}
${isWhole ? after : ''}

@compute @workgroup_size(${invocations})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) t: u32,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= ${tileCount(product)}u) { return; }
  let batch = tile / ${heights * widths}u;
  let first_row = (tile / ${widths}u) % ${heights}u * ${tileRows(size)}u;
  let first_lane = tile % ${widths}u * ${tileLanes(size)}u;
  let ty = t / ${across}u;
  let tx = t % ${across}u;
  ${panels.map(({ declared }) => declared).join(' ')}
  ${range(rows)
    .map((r) => `var sum${r} = ${lane}(${isFloat ? '0.0' : word(init)});`)
    .join(' ')}
  // Factors of the next steps are loaded while the panels of the last ones are read; after the last step there are none.
  for (var k = 0u; k < ${product.steps + size.steps}u; k = k + ${size.steps}u) {
    ${panels.map(({ load }) => load).join('\n    ')}
    if (k > 0u && ty < ${down}u) {
      for (var q = 0u; q < ${parameter(PARAMETER.quads)}; q = q + 1u) {
        ${range(rows)
          .map((r) => `let r${r} = ${wordsOf(`row_panel[(ty + ${down * r}u) * ${quads + 1}u + q]`)};`)
          .join(' ')}
        ${range(lanes)
          .map((j) => `let l${j} = ${wordsOf(`lane_panel[(${laneAt(`${j}u`)}) * ${quads + 1}u + q]`)};`)
          .join(' ')}
        ${range(4).map(step).join('\n        ')}
      }
    }
    workgroupBarrier();
    ${panels.map(({ store: put }) => put).join('\n    ')}
    workgroupBarrier();
  }
  if (ty >= ${down}u) { return; }
  var totals = array<u32, ${rows * lanes}>(${totals.join(', ')});
  for (var e = 0u; e < ${parameter(PARAMETER.elements)}; e = e + ${parts}u) {
    let row_in = ty + ${down}u * (e / ${lanes}u);
    let at_row = first_row + row_in;
    let lane_in = ${laneAt(`(e % ${lanes}u)`)};
    let at_lane = first_lane + lane_in;
    if (at_row >= ${word(product.rows.extent)} || at_lane >= ${word(product.lanes.extent)}) { continue; }
    doubt = 0u;
    var word = 0u;
    var item = 0u;
    for (var part = 0u; part < ${parts}u; part = part + 1u) {
      var rest = batch; ${indexText('rest', product.batchLoops, extents)}
      ${product.rows.loops.length > 0 ? `var row_rest = at_row; ${indexText('row_rest', product.rows.loops, extents)}` : ''}
      var lane_rest = at_lane + part; ${indexText('lane_rest', product.lanes.loops, extents)}
      let total = ${isFloat ? 'unsigned_zero(totals[e + part])' : 'totals[e + part]'};
      ${isFloat ? rightness('lane_in + part') : ''}
      let computed = ${isFloat ? `select(${word(NO_TOTAL)}, total, is_right)` : computed};
      ${
        isBytes
          ? `if (part == 0u) { item = (${element}) >> 2u; }
      word = word | ((computed & 0xffu) << (8u * part));`
          : `item = ${element};
      word = computed;`
      }
    }
    m${memories.target}[item + ${parameter(PARAMETER.target)}] = word;${isWhole ? listText(kernel) : ''}
  }
}
`;
}
