import type { Lowering, Operators } from './context.ts';

/** Operators of several files as one table. @throws TypeError if two of them have the same name */
export function merged(...tables: readonly Operators[]): Operators {
  const all: Record<string, Lowering> = {};
  for (const [name, lowering] of tables.flatMap((table) => Object.entries(table))) {
    if (Object.hasOwn(all, name)) throw new TypeError(`the operator ${name} has two lowerings`);
    all[name] = lowering;
  }
  return all;
}
