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
export function watch(paths: readonly string[], options: WatchOptions, console: Console): Promise<void> {
  if (options.alertOnly) return monitor(paths, options, console);
  if (options.webhook !== undefined) {
    console.err(
      'assay: note: --webhook posts alarms; `assay monitor` and --alert-only raise them, this command does not',
    );
  }
  return serve({
    ...{ command: 'watch', doing: 'watching', paths, options, terminal: console },
    bondsAlways: false,
    create: watchService,
  });
}
