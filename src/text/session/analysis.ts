import { ensure, Refusal } from '../../onnx/errors.ts';
import { type LoopNode, type Operand, sizeOf } from '../../program/node.ts';
import { type Carrier, carrierOf, joinTerms, stridesOf } from './axis.ts';
import { type RowModel, TEXT_INPUTS } from './rowModel.ts';

/**
 * Finds out which rows of which tensors a token needs. It goes backwards from the choices: a reader that needs one row
 * of itself needs the same row of a tensor that it reads along its own rows, and all rows of a tensor that it reads
 * across them, as attention reads keys and values. The latter are cached. It knows no operator.
 */

/** Rows are positions of the sequence or, behind the gathering of the text's rows, positions of the text. */
export type Space = 'position' | 'place';

/** Rows of a tensor: of which kind, and how many elements of one lie next to each other. */
export interface RowAnalysis {
  readonly space: Space;
  readonly inner: number;
}

/** The inputs that a tensor depends on. */
export type Dependence =
  /** Constants only. */
  | 'nothing'
  /** Seed, temperature and the like: the same for all tokens of a request. */
  | 'request'
  /** Tokens. */
  | 'tokens'
  /** Prompt or text, other than through the sequence. */
  | 'other';

export interface Analysis {
  readonly model: RowModel;
  /** The node of which rows are wanted. */
  readonly target: number;
  readonly extents: Readonly<Record<Space, number>>;
  readonly dependence: readonly Dependence[];
  /** Tensors that are computed row by row. */
  readonly rows: ReadonlyMap<number, RowAnalysis>;
  /** Those of them that are read as a whole too. */
  readonly cached: ReadonlySet<number>;
  /** Tensors that are needed whole, and depend on no token. */
  readonly whole: ReadonlySet<number>;
}

/** The way in which a loop of which some rows are computed reads an operand. */
export type Reach =
  /** At the same rows, along this dimension of the view. */
  | { readonly kind: 'rows'; readonly dimension: number; readonly rows: RowAnalysis }
  /** At indices that do not depend on the row. */
  | { readonly kind: 'whole' };

/**
 * @param target node of which rows are wanted, one for each position of the text
 * @throws Refusal for a model whose rows depend on each other in a way that is not understood
 */
export function analyse(model: RowModel, target = model.choices): Analysis {
  const { program, options } = model;
  const extents = { position: options.prompt + options.tokens, place: options.tokens };
  ensure(options.tokens > 1, 'a text of one token has no rows to tell apart');
  const dependence = dependences(model);
  const sequenceAxes = axesOfTokens(model, dependence, extents.position);
  const inner = sizeOf(program.nodes[target]!.shape) / options.tokens;
  const rows = new Map<number, RowAnalysis>([[target, { space: 'place', inner }]]);
  const [cached, whole] = [new Set<number>(), new Set<number>()];
  const needRows = (node: number, needed: RowAnalysis): void => {
    const known = rows.get(node);
    ensure(
      !known || (known.space === needed.space && known.inner === needed.inner),
      'it has rows of two kinds',
    );
    rows.set(node, needed);
  };
  const analysis: Analysis = { model, target, extents, dependence, rows, cached, whole };
  for (let i = target; i >= 0; i--) {
    const node = program.nodes[i]!;
    if (whole.has(i) && node.kind === 'loop') for (const operand of node.operands) whole.add(operand.node);
    const own = rows.get(i);
    if (!own || node.kind !== 'loop' || isGiven(model, i)) continue;
    atNode(model, i, () => {
      for (const [o, reach] of reachesOf(analysis, node, own).entries()) {
        const read = node.operands[o]!.node;
        ensure(dependence[read] !== 'other', 'it reads the prompt or the text itself');
        if (reach.kind === 'rows' && isComputed(analysis, read)) {
          needRows(read, reach.rows);
        } else if (dependence[read] !== 'tokens') {
          whole.add(read);
        } else {
          const [inner, ...others] = sequenceAxes[read]!;
          ensure(
            inner !== undefined && others.length === 0,
            'it reads all rows of a tensor that has no clear rows',
          );
          needRows(read, { space: 'position', inner });
          cached.add(read);
        }
      }
    });
  }
  return analysis;
}

/** Whether a tensor is computed anew for each request. */
export const isComputed = (
  { model, dependence }: Pick<Analysis, 'model' | 'dependence'>,
  node: number,
): boolean => dependence[node] !== 'nothing' && model.program.nodes[node]!.kind === 'loop';

/** Whether the caller gives the rows of a node: tokens of the sequence, and numbers of rows. */
export const isGiven = ({ sequence, rowNumbers }: RowModel, node: number): boolean =>
  node === sequence || node === rowNumbers;

/** Does something with a node, and says of a refusal which one it was about. */
export function atNode<T>({ labels }: Pick<RowModel, 'labels'>, node: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(`${labels[node]}: ${error.message}`) : error;
  }
}

const WORST: readonly Dependence[] = ['nothing', 'request', 'tokens', 'other'];

function dependences(model: RowModel): Dependence[] {
  const { program, inputs } = model;
  const texts = new Set([...inputs.slice(0, TEXT_INPUTS), ...model.answers].map(({ node }) => node));
  const found: Dependence[] = [];
  program.nodes.forEach((node, i) => {
    if (isGiven(model, i)) found.push('tokens');
    else if (node.kind === 'constant') found.push('nothing');
    else if (node.kind === 'input') found.push(texts.has(i) ? 'other' : 'request');
    else found.push(WORST[Math.max(0, ...node.operands.map((o) => WORST.indexOf(found[o.node]!)))]!);
  });
  return found;
}

/** Finds the distances at which the rows of each tensor may lie, by following the tokens forwards. */
function axesOfTokens(
  { program, sequence }: RowModel,
  dependence: readonly Dependence[],
  extent: number,
): number[][] {
  const found: number[][] = [];
  program.nodes.forEach((node, i) => {
    if (i === sequence) {
      found.push([1]);
      return;
    }
    if (node.kind !== 'loop' || dependence[i] !== 'tokens') {
      found.push([]);
      return;
    }
    const strides = stridesOf(node.shape);
    const inners = node.operands.flatMap(({ node: read, view }) =>
      found[read]!.flatMap((inner) => {
        const carrier = carrierOf(view, { extent, inner }, [...node.shape, ...node.fold]);
        return carrier && carrier.index < node.shape.length ? [carrier.unit * strides[carrier.index]!] : [];
      }),
    );
    found.push([...new Set(inners)]);
  });
  return found;
}

/** The output index that counts the rows of a loop. @throws Refusal if there is none */
export function rowCarrier({ shape }: LoopNode, inner: number): Carrier {
  const strides = stridesOf(shape);
  const index = shape.findIndex((size, d) => strides[d]! <= inner && inner < strides[d]! * size);
  ensure(index >= 0 && inner % strides[index]! === 0, 'its rows lie across its dimensions');
  return { index, unit: inner / strides[index]! };
}

/** Finds how each operand of a loop is read if rows of the loop are computed. */
export function reachesOf({ model }: Pick<Analysis, 'model'>, loop: LoopNode, own: RowAnalysis): Reach[] {
  const carrier = rowCarrier(loop, own.inner);
  return loop.operands.map((operand, o) => reachOf(model, loop, operand, o, { carrier, own }));
}

function reachOf(
  model: RowModel,
  loop: LoopNode,
  { view }: Operand,
  position: number,
  { carrier, own }: { readonly carrier: Carrier; readonly own: RowAnalysis },
): Reach {
  const strides = stridesOf(view.map(({ extent }) => extent));
  const found = view.flatMap(({ coordinate }, dimension): (Reach & { kind: 'rows' })[] => {
    const stride = strides[dimension]!;
    if (coordinate.kind === 'gathered') {
      const by = loop.operands[coordinate.operand]!;
      if (by.node !== model.rowNumbers) return [];
      ensure(
        readsOwnRow(by, carrier) && own.space === 'place' && coordinate.operand < position,
        'it gathers rows in an order of its own',
      );
      return [{ kind: 'rows', dimension, rows: { space: 'position', inner: stride } }];
    }
    const term = joinTerms(coordinate.terms).find(({ index }) => index === carrier.index);
    if (!term) return [];
    const inner = stride * term.coefficient * carrier.unit;
    return [{ kind: 'rows', dimension, rows: { space: own.space, inner } }];
  });
  ensure(found.length <= 1, 'it is read along its diagonal');
  return found[0] ?? { kind: 'whole' };
}

/** Whether an operand is read exactly at the row that is computed. */
const readsOwnRow = ({ view }: Operand, { index, unit }: Carrier): boolean => {
  const terms = view.flatMap(({ coordinate }) =>
    coordinate.kind === 'affine' ? joinTerms(coordinate.terms) : [],
  );
  return unit === 1 && terms.length === 1 && terms[0]!.index === index && terms[0]!.coefficient === 1;
};
