import type { Engine } from '../../engine/engine.ts';
import { Refusal } from '../../onnx/errors.ts';
import type { TextModel } from '../compile.ts';
import { type Chooser, PassChooser } from '../generate.ts';
import { TextSession } from './textSession.ts';

/** Chooses tokens for the requests of one model. */
export interface Choosers {
  /** @param inputs of a request, as the model takes them */
  on(inputs: readonly Uint8Array[]): Chooser;
  /** Tokens that are chosen by one call in about the time of one token. */
  readonly rowsPerRead: number;
  close(): Promise<void>;
}

/**
 * A session, or for a model whose rows are not understood whole passes, which cost as much for one token as for all.
 *
 * @param warn is told of the latter
 */
export async function openSession(
  model: TextModel,
  engine: Engine,
  warn: (sentence: string) => void,
): Promise<Choosers> {
  try {
    return await TextSession.load(model, engine);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    warn(`the whole text is computed again for each token, because ${error.message}`);
    const { on, session } = await PassChooser.load(model, engine);
    return { on, rowsPerRead: model.options.tokens, close: () => session.close() };
  }
}
