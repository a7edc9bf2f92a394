import type { Command } from 'commander';
import { collect } from '../../settings/settings.ts';
import type { Console } from '../console.ts';
import {
  onChain,
  withAccount,
  withAlarms,
  withEngine,
  withImport,
  withJson,
  withLimits,
  withLog,
  withReading,
  withSources,
  withStatus,
  withWorkers,
} from '../options.ts';
import { starting } from '../services/starting.ts';

/** Adds the commands of those who operate providers and watchers, or keep an eye on them. */
export function addOperating(assay: Command, console: Console): void {
  const monitor = assay
    .command('monitor')
    .description('forecast how every open dispute will end and raise alarms before; takes no key')
    .argument('[MODEL...]', 'models with which claims are checked: files, or ids of fetched ones')
    .option('--all', 'fetch every model that a claim names, within limits')
    .option(
      '--once',
      'check every open claim once and print the forecast; the exit code is 3 if there are alarms, 4 if claims are left',
    );
  withJson(
    withAlarms(withStatus(withLimits(withWorkers(withSources(withImport(withReading(monitor))))))),
  ).action((models, options) => {
    const look = async (): Promise<void> =>
      (await onChain(() => import('./monitor.ts'))).monitor(models, options, console);
    return options.once ? look() : starting(console, look);
  });
  const verify = assay
    .command('verify')
    .description(
      'run a past answer again from what is on chain; the exit code is 0 if it was right, 3 if wrong, 4 if it cannot be told',
    )
    .argument('<REQUEST_ID>', 'the request')
    .argument('[MODEL]', 'its model: a file, or nothing if it was fetched')
    .option('--fetch-seconds <N>', 'longest wait for an input that is given by root (default: 3600)');
  withJson(withEngine(withSources(withImport(withReading(verify))))).action(async (id, model, options) =>
    (await onChain(() => import('./verify.ts'))).verify(id, model, options, console),
  );
  const doctor = assay
    .command('doctor')
    .description('check node, chain, contracts, models, account, clock and disk, one line each')
    .argument('[MODEL...]', 'models that will be held')
    .option('--oracle <ADDRESS>', 'the InferenceOracle; else deployments/<chain>.json names it');
  withJson(withSources(withImport(withAccount(doctor)))).action(async (models, options) =>
    (await onChain(() => import('./doctor.ts'))).doctor(models, options, console),
  );
  const explorer = assay
    .command('explorer')
    .description(
      'serve a page that shows requests, claims and disputes, and checks answers in the browser, until SIGINT or SIGTERM',
    )
    .option(
      '--bundle <DIR>',
      'what `publish --bundle` has written: models that pages may run (repeatable)',
      collect,
    )
    .option(
      '--static <DIR>',
      'write the page into a folder in place of serving it: any host may serve it, and it reads from the node itself',
    )
    .option('--judge', 'run disputed claims again, to forecast how disputes end; fetches their models')
    .option('--port <N>', 'to listen on; 0 for any that is free', '8490')
    .option('--host <ADDRESS>', 'to listen on', '127.0.0.1');
  withLog(withLimits(withSources(withReading(explorer)))).action((options) => {
    const show = async (): Promise<void> =>
      (await onChain(() => import('./explorer.ts'))).explorer(options, console);
    return options.static === undefined ? starting(console, show) : show();
  });
}
