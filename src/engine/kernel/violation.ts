/** A kernel breaks a rule of the intermediate representation. */
export class KernelError extends Error {
  override name = 'KernelError';
}

/** Fails with a message unless a condition holds. */
export type Require = (condition: boolean, message: string) => void;

/** @param name of the kernel, which the message begins with @throws KernelError where a condition does not hold */
export const requireFor =
  (name: string): Require =>
  (condition, message) => {
    if (!condition) throw new KernelError(`${name}: ${message}`);
  };
