import { Unavailable } from '../../examples/models/index.ts';

/** Returns the result of `load`; skips the test, saying why, if that needs a package that is neither kept nor to be fetched. */
export async function availableOrSkip<T>(context: Mocha.Context, load: () => T | Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`      a package is not to be had: ${error.message}`);
    return context.skip();
  }
}
