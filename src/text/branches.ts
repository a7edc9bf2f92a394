import { branchesTaken, type Graph } from '../onnx/building.ts';
import { ImportError } from '../onnx/errors.ts';
import { feed, idsInput } from './feed.ts';
import type { TextOptions } from './options.ts';

/** Positions of a short sequence: one would be the next token after a past, for which some graphs have a branch. */
const FEW = 2;

/**
 * Notes about branches that the number of positions decides, as of positions that are scaled from a length on. A program
 * always has as many as prompt and text with their padding; other engines have those of the text so far.
 *
 * @param taken whether the branch for true was taken, by the label of its node
 */
export function branchNotes(
  graph: Graph,
  fileBytes: number,
  { prompt, tokens }: TextOptions,
  taken: ReadonlyMap<string, boolean>,
): string[] {
  if (taken.size === 0) return [];
  const few = branchesOfFew(graph, fileBytes);
  return [...taken].flatMap(([label, isTrue]) =>
    (few.get(label) ?? isTrue) === isTrue
      ? []
      : [
          `node ${label}: it takes another branch for a few positions than for ${prompt + tokens}, as which prompt and text ` +
            'always count here, padding included; so texts may differ from those that the model writes elsewhere; choose ' +
            '--prompt and --tokens for the lengths that matter',
        ],
  );
}

function branchesOfFew(graph: Graph, fileBytes: number): ReadonlyMap<string, boolean> {
  try {
    return branchesTaken(graph, fileBytes, (builder) =>
      feed(graph, builder, builder.input('sequence', idsInput(graph).type, [1, FEW], 0)),
    );
  } catch (error) {
    // A graph of a fixed size has no other.
    if (error instanceof ImportError) return new Map();
    throw error;
  }
}
