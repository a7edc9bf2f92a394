import type { Engine } from '../../engine/engine.ts';
import { Refusal } from '../../onnx/errors.ts';
import type { TextModel } from '../compile.ts';
import { type Chooser, PassChooser } from '../generate.ts';
import { TextSession } from './textSession.ts';

/** Chooses tokens for the requests of one model. */
export interface Choosers {
  /**
   * Begins the text of a request.
   *
   * @param inputs of the request in slot order: the prompt's tokens, their number, and for a model that draws them the seed,
   * the temperature and the number of candidates
   */
  on(inputs: readonly Uint8Array[]): Chooser;
  /** Tokens that are chosen by one call in about the time of one token. */
  readonly rowsPerRead: number;
  close(): Promise<void>;
}

/**
 * Opens a session that writes a text token by token. A model whose rows are not understood gets whole passes instead, which
 * cost as much for one token as for all.
 *
 * @param warn is told, in one sentence, why there are whole passes
 * @throws EngineError if the weights do not fit the program
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
