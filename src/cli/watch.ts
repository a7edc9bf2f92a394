import { watchService } from '../watcher/watcher.ts';
import type { Console } from './console.ts';
import { type ServiceOptions, serve } from './service.ts';

/** `assay watch`: re-executes claims on the given models and challenges the wrong ones, until it is told to end. */
export const watch = (paths: readonly string[], options: ServiceOptions, console: Console): Promise<void> =>
  serve('watching', paths, options, console, watchService);
