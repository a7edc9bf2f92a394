import type { ScalarCode } from './code.ts';
import type { Form } from './form.ts';
import {
  type Access,
  accessUses,
  type Kernel,
  type ScratchBuffer,
  type Source,
  slotLayout,
} from './kernel.ts';
import type { Tiling } from './tiling.ts';

/**
 * A kernel as text, for people. Loops are `i0`, `i1`, … for outputs and `k2`, … for the fold, outermost first; accesses are
 * `a0`, …; results of instructions are `r0`, ….
 */
export function printKernel(kernel: Kernel): string {
  return lines(kernel).join('\n');
}

function lines(kernel: Kernel): string[] {
  const { extents, outputs, accesses, indices, scratch, packed, tile, band, tiling, step, post, store } =
    kernel;
  const names = extents.map((_, i) => `${i < outputs ? 'i' : 'k'}${i}`);
  const loops = names.map((name, i) => `${name} < ${extents[i]}`);
  const form = (one: Form): string => printForm(one, names);
  const uses = accessUses(kernel);
  const folds = loops.slice(outputs);
  const used = accesses.flatMap((access, i) =>
    uses[i]!.step || uses[i]!.post ? [[access, i] as const] : [],
  );
  return [
    `for ${loops.slice(0, outputs).join(', ') || 'one element'}`,
    ...(folds.length > 0 ? [`fold ${folds.join(', ')}`] : []),
    ...used.map(([access, i]) => `  a${i} = ${printAccess(access, form)}`),
    ...indices.map((one, i) => `  x${i} = ${form(one)}`),
    ...(kernel.isFoldEmpty ? ['  no steps'] : printCode('step', step, kernel)),
    ...printCode('post', post, kernel),
    `  store ${store.element} at ${form(store.address)} of ${store.bytes} bytes`,
    ...(tile
      ? [
          `  tile of ${tile.rows} rows (${names[tile.rowLoop] ?? 'none'}) × ${tile.vectors} vectors (${names[tile.laneLoop] ?? 'none'})`,
        ]
      : []),
    ...(band ? [`  row bands of ${band.size} along ${names[band.loop]}`] : []),
    ...(tiling ? printTiling(tiling, names) : []),
    ...packed.map(
      ({ node, extents: panels, bytes, group }, i) =>
        `  packed ${i} = tensor ${node} as [${panels.join(', ')}]${group ? ` in groups of ${group.shifts.length} steps of ${group.bits} bits` : ''}, ${bytes} bytes`,
    ),
    ...scratch.flatMap((buffer, i) => [
      `  scratch ${i} = ${printBuffer(buffer)}, filled by`,
      ...lines(buffer.fill).map((line) => `    ${line}`),
    ]),
  ];
}

function printForm({ constant, coefficients, laneStride }: Form, names: readonly string[]): string {
  const terms = coefficients.flatMap((coefficient, i) =>
    coefficient === 0 ? [] : [`${coefficient === 1 ? '' : `${coefficient}·`}${names[i]}`],
  );
  const all = [...terms, ...(constant !== 0 || terms.length === 0 ? [`${constant}`] : [])]
    .join(' + ')
    .replaceAll('+ -', '- ');
  return laneStride === undefined ? all : `${all}, lanes ${laneStride} apart`;
}

function printAccess(access: Access, form: (one: Form) => string): string {
  const { element, source, address, checks, quotients, gathers, fill, isAlwaysOutside } = access;
  if (isAlwaysOutside) return `0x${fill.toString(16)}, always outside`;
  const parts = [
    form(address),
    ...quotients.map((one) => `${one.stride}·floor((${form(one.form)}) / ${one.divisor})`),
    ...gathers.map((one) => `${one.stride}·a${one.access}`),
  ];
  const conditions = [
    ...checks.flatMap(({ form: checked, bound, multipleOf }) => [
      ...(bound === undefined ? [] : [`0 ≤ ${form(checked)} < ${bound}`]),
      ...(multipleOf > 1 ? [`${multipleOf} divides ${form(checked)}`] : []),
    ]),
    ...gathers.map((one) => `0 ≤ a${one.access} < ${one.extent}`),
  ];
  const guard = conditions.length > 0 ? ` if ${conditions.join(' and ')}, else 0x${fill.toString(16)}` : '';
  return `${element} of ${printSource(source)} at ${parts.join(' + ')}${guard}`;
}

function printSource(source: Source): string {
  if (source.kind !== 'tensor') return `${source.kind} ${source.buffer}`;
  const { node, start, end, isConstant } = source;
  return `${isConstant ? 'constant' : 'tensor'} ${node} [${start}, ${end})`;
}

function printCode(name: string, { instructions, result }: ScalarCode, kernel: Kernel): string[] {
  const { constants, accesses, indices, results } = slotLayout(kernel);
  const slot = (at: number): string => {
    if (at < constants) return 'acc';
    if (at < accesses) return `0x${(kernel.constants[at - constants]! >>> 0).toString(16)}`;
    if (at < indices) return `a${at - accesses}`;
    return at < results ? `x${at - indices}` : `r${at - results}`;
  };
  const code = instructions.map(
    ({ operation, args }, i) => `r${i} = ${operation}(${args.map(slot).join(', ')})`,
  );
  return [`  ${name}: ${[...code, slot(result)].join('; ')}`];
}

function printTiling({ tiles, splitLoop, unit, items, block }: Tiling, names: readonly string[]): string[] {
  const split = splitLoop < 0 ? '1 work item' : `${items} work items of ${unit} along ${names[splitLoop]}`;
  const blocks = block < items ? `, ${Math.ceil(items / block)} cache blocks of ${block}` : '';
  return [
    `  ${split}${blocks}`,
    ...tiles.map(({ ranges, rows, lanes, steps }) => {
      const covered = ranges.map(({ start, end, step }, i) => `${names[i]} ${start}…${end} by ${step}`);
      return `  tile ${rows} × ${lanes} lanes, ${steps.length} steps unrolled: ${covered.join(', ')}`;
    }),
  ];
}

function printBuffer({ kind, bytes, band }: ScratchBuffer): string {
  const held = band ? `, a band along dimension ${band.course.dimension}` : '';
  return `${kind}, ${bytes} bytes${held}`;
}
