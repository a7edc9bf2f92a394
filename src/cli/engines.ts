import type { Engine } from '../engine/engine.ts';
import { referenceEngine } from '../engine/reference/reference.ts';
import { wasmEngine } from '../engine/wasm/wasm.ts';
import { InputError } from './inputError.ts';

/** The first is the one that commands take if none is named. All give the same bits. */
const ENGINES: readonly Engine[] = [wasmEngine, referenceEngine];

/** @throws InputError if there is none of that name */
export function engineNamed(name: string): Engine {
  const engine = ENGINES.find((one) => one.name === name);
  if (!engine) {
    const names = ENGINES.map((one) => one.name).join(', ');
    throw new InputError(`--engine ${name}: there is no such engine; there is ${names}`, 2);
  }
  return engine;
}
