import type { CachedSession, Engine, TensorData } from '../../engine/engine.ts';
import { equalBytes } from '../../merkle/keccak.ts';
import type { Chooser } from '../generate.ts';
import { PADDING } from '../options.ts';
import { int32Bytes, paddingOf, tokensIn } from '../tokens.ts';
import { analyse } from './analysis.ts';
import { fixedTensors } from './fixedTensors.ts';
import type { RowModel } from './rowModel.ts';
import { type PartSize, stepProgram } from './stepProgram.ts';

/**
 * Chooses tokens one by one, or in blocks, by what is new alone: keys and values of the tokens before stay in the
 * engine's memory. An element folds alone, so its row has the bits that it has in a pass over the whole sequence.
 */
export class TextSession {
  readonly #model: RowModel;
  readonly #session: CachedSession;
  readonly #sizes: readonly PartSize[];
  /** Tokens whose rows the caches hold. */
  #known: readonly number[] = [];
  /** Choices by row, of rows that the caches hold, and the request that they were drawn for. */
  #chosen: (number | undefined)[] = [];
  #request: readonly Uint8Array[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  /** Rows that take about as long as one. */
  readonly rowsPerRead: number;

  private constructor(model: RowModel, session: CachedSession, sizes: readonly PartSize[]) {
    this.#model = model;
    this.#session = session;
    this.#sizes = sizes;
    this.rowsPerRead = rowsPerRead(model);
  }

  /** @throws Refusal for a model whose rows are not understood: it has to be run as a whole for each token */
  static async load(
    model: RowModel,
    engine: Engine,
    sizes: readonly PartSize[] = sizesFor(model),
  ): Promise<TextSession> {
    const analysis = analyse(model);
    const { program, weights } = stepProgram(analysis, sizes, await fixedTensors(analysis, engine));
    return new TextSession(model, await engine.loadCached(program, weights), sizes);
  }

  /** @param inputs of a request, as the model takes them */
  on(inputs: readonly Uint8Array[]): Chooser {
    const { options, width } = this.#model;
    const [promptBytes, lengthBytes, ...drawing] = inputs;
    const length = new Int32Array(lengthBytes!.slice().buffer)[0]!;
    const prompt = tokensIn(promptBytes!, width).slice(0, Math.max(1, Math.min(options.prompt, length)));
    return {
      choose: (text, drafted) => {
        const room = options.tokens - text.length;
        return this.#enqueue(() =>
          this.#choose(
            [...prompt, ...text, ...drafted.slice(0, room - 1)],
            prompt.length,
            text.length,
            drawing,
          ),
        );
      },
    };
  }

  async close(): Promise<void> {
    await this.#enqueue(() => this.#session.close());
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /**
   * @param place of the text whose token is to be chosen first
   * @returns what is chosen for that place and those behind it
   */
  async #choose(
    sequence: readonly number[],
    prompt: number,
    place: number,
    drawing: readonly Uint8Array[],
  ): Promise<readonly number[]> {
    /** The row that chooses the token at that place. */
    const chooser = prompt + place - 1;
    const differing = this.#known.findIndex((token, i) => token !== sequence[i]);
    const shared = differing < 0 ? this.#known.length : differing;
    // Tokens are drawn by their place in the text, so the length of the prompt matters too.
    const request = [int32Bytes([prompt]), ...drawing];
    const isDrawnAlike = request.every((bytes, i) => equalBytes(bytes, this.#request[i] ?? NOTHING));
    if (shared === 0) await this.#session.clear();
    this.#known = this.#known.slice(0, shared);
    this.#chosen = this.#chosen.slice(0, isDrawnAlike ? shared : 0);
    this.#request = request;
    let unknown = chooser;
    while (this.#chosen[unknown] !== undefined) unknown++;
    let next = Math.min(shared, unknown);
    while (next < sequence.length) {
      const isChosen = next >= unknown;
      const end = isChosen ? sequence.length : unknown;
      const { part, first } = this.#partFor(next, end, isChosen);
      const { rows, yields } = this.#sizes[part]!;
      const ids = Array.from({ length: rows }, (_, i) => this.#idOf(sequence[first + i] ?? 0));
      const [chosen] = await this.#session.run(part, first, [
        int32Bytes([first - prompt + 1]),
        int32Bytes(ids),
        ...drawing,
      ]);
      const done = Math.min(first + rows, end);
      if (yields) {
        const choices = numbersIn(chosen!);
        for (let row = next; row < done; row++) this.#chosen[row] = choices[row - first];
      }
      next = done;
      this.#known = sequence.slice(0, Math.max(next, shared));
    }
    return this.#chosen.slice(chooser, sequence.length) as number[];
  }

  /** A token as the sequence of the program has it. */
  #idOf(token: number): number {
    return token === PADDING ? Math.max(0, paddingOf(this.#model.width)) : token;
  }

  /** The part that computes the most of some rows at the least cost, and the row that it starts with. */
  #partFor(next: number, end: number, chooses: boolean): { readonly part: number; readonly first: number } {
    const { options } = this.#model;
    const positions = options.prompt + options.tokens;
    const found = this.#sizes.flatMap((size, part) => {
      const first = Math.min(next, positions - size.rows);
      const reaches = first + size.rows <= size.keys && first + size.rows > next;
      if (!reaches || (chooses && !size.yields)) return [];
      const done = Math.min(first + size.rows, end) - next;
      return [{ part, first, cost: this.#cost(size) / done }];
    });
    return found.reduce((best, other) => (other.cost < best.cost ? other : best));
  }

  /** About how long a part takes, in rows. */
  #cost({ rows, keys, yields }: PartSize): number {
    const { prompt, tokens } = this.#model.options;
    return (
      Math.max(this.rowsPerRead, rows) *
      (1 + (yields ? CHOICE_SHARE : 0) + (KEY_SHARE * keys) / (prompt + tokens))
    );
  }
}

const NOTHING = new Uint8Array();

const numbersIn = ({ bytes }: TensorData): number[] => [...new Int32Array(bytes.slice().buffer)];

/** Weights that a cache of the processor holds, bytes: of more, reading them takes longer than computing a row. */
const CACHED_BYTES = 2 ** 24;

/** Rows of a large model that take about as long as one, because its weights are read once for all of them. */
const ROWS_PER_READ = 3;

/** Tokens of a model that are chosen by one call in about the time of one token. */
export const rowsPerRead = ({ weights }: Pick<RowModel, 'weights'>): number => {
  const bytes = [...weights.values()].reduce((sum, { length }) => sum + length, 0);
  return bytes > CACHED_BYTES ? ROWS_PER_READ : 1;
};

/** Share of the work that choices take, and share of all keys. Only the order of the parts' costs matters. */
const CHOICE_SHARE = 0.2;
const KEY_SHARE = 0.2;

/** Rows of the parts. A prompt is read by large blocks, drafts are checked by smaller ones. */
const DRAFT_ROWS = [4, 16] as const;
const PROMPT_ROWS = 32;

/** Parts that suit a model: single tokens, for which the first half of the keys is enough at first, and blocks. */
export function sizesFor({ options }: Pick<RowModel, 'options'>): PartSize[] {
  const keys = options.prompt + options.tokens;
  const part = (rows: number, yields: boolean): PartSize => ({ rows: Math.min(rows, keys), keys, yields });
  return [
    { rows: 1, keys: Math.ceil(keys / 2), yields: true },
    part(1, true),
    ...DRAFT_ROWS.map((rows) => part(rows, true)),
    part(PROMPT_ROWS, false),
  ];
}
