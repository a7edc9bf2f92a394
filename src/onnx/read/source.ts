import type { onnx as schema } from 'onnx-proto';
import { ensure, ImportError, quoted } from '../errors.ts';
import type { ReadExternal } from './external.ts';

/** Most nodes of a file, those of inner graphs and functions included. */
const MAX_NODES = 200_000;
/** Most inputs, and most outputs, of one node. */
const MAX_VALUES = 4096;
/** Most bytes of all tensors in other files: as many as an engine's memory. */
const MAX_EXTERNAL_BYTES = 2 ** 32;

/** Most elements of all sparse tensors: without a limit, a few bytes of a file could take any amount of memory. */
const MAX_SPARSE_ELEMENTS = 2 ** 24;

/** Reads the bytes of a tensor, or a range of them: `from` included, `end` excluded. */
export type ReadPart = (from?: number, end?: number) => Uint8Array;

/** A model's file while it is read: counts its parts against the limits, and reads the tensors in files beside it. */
export class ByteSource {
  readonly #readExternal: ReadExternal | undefined;
  #nodes = 0;
  #externalBytes = 0;
  #sparseElements = 0;

  constructor(readExternal: ReadExternal | undefined) {
    this.#readExternal = readExternal;
  }

  countNodes(nodes: readonly schema.INodeProto[]): void {
    for (const { input, output, opType } of nodes) {
      const values = Math.max(input?.length ?? 0, output?.length ?? 0);
      if (values > MAX_VALUES) {
        throw new ImportError(
          `file: a node (${quoted(opType ?? '')}) has ${values} inputs or outputs, of ${MAX_VALUES} allowed`,
        );
      }
    }
    this.#nodes += nodes.length;
    if (this.#nodes > MAX_NODES) {
      throw new ImportError(`file: more than the ${MAX_NODES} nodes that are allowed`);
    }
  }

  /** @throws Refusal if the sparse tensors read so far have too many elements together */
  countSparse(name: string, elements: number): void {
    this.#sparseElements += elements;
    ensure(
      this.#sparseElements <= MAX_SPARSE_ELEMENTS,
      () =>
        `with ${name} sparse tensors have ${this.#sparseElements} elements, of ${MAX_SPARSE_ELEMENTS} allowed`,
    );
  }

  /** Checks where another file holds a tensor. @returns reads its bytes when called. @throws Refusal for a bad location */
  external({ name, externalData }: schema.ITensorProto, length: number): ReadPart {
    const entries = new Map((externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
    const location = entries.get('location') ?? '';
    const tensor = `tensor ${quoted(name ?? '')}`;
    ensure(
      this.#readExternal,
      `${tensor} keeps its data in another file, which is not given; save the model as one file`,
    );
    const offset = wholeNumber(entries.get('offset') ?? '0');
    const given = wholeNumber(entries.get('length') ?? `${length}`);
    ensure(
      location !== '' && offset !== undefined,
      `${tensor} does not say where in another file its data are`,
    );
    ensure(given === length, `${tensor} takes ${length} bytes of another file in place of ${given}`);
    this.#externalBytes += length;
    ensure(
      this.#externalBytes <= MAX_EXTERNAL_BYTES,
      `data in other files are more than ${MAX_EXTERNAL_BYTES} bytes`,
    );
    const readExternal = this.#readExternal;
    return (from = 0, end = length) => {
      let bytes: Uint8Array;
      try {
        bytes = readExternal(location, offset + from, end - from);
      } catch (error) {
        throw new ImportError(`${tensor} keeps its data in another file: ${(error as Error).message}`);
      }
      ensure(
        bytes.length === end - from,
        `${tensor} takes ${end - from} bytes, and ${bytes.length} were read`,
      );
      return bytes;
    };
  }
}

const wholeNumber = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;
