import { watchService } from '../../watcher/watcher.ts';
import type { Console } from '../console.ts';
import type { AlarmOptions } from '../monitor/monitorOptions.ts';
import { type ServiceArguments, serve } from '../services/service.ts';
import { monitor } from './monitor.ts';

export interface WatchOptions extends ServiceArguments, AlarmOptions {
  /** Raise alarms in place of challenges, without a key. */
  readonly alertOnly?: boolean;
}

/** `assay watch`: re-executes claims on the given models and challenges the wrong ones, until it is told to end. */
export const watch = (paths: readonly string[], options: WatchOptions, console: Console): Promise<void> =>
  options.alertOnly
    ? monitor(paths, options, console)
    : serve('watching', paths, options, console, watchService, false);
