import { Command, CommanderError } from 'commander';
import { InputError } from '../files/inputError.ts';
import { requireUsable } from '../settings/check.ts';
import { applySettings, collect, type Origins, withOrigin } from '../settings/settings.ts';
import { settingLines } from '../settings/show.ts';
import { addOperating } from './commands/operating.ts';
import type { Console } from './console.ts';
import { Exit } from './exit.ts';
import {
  onChain,
  withAccount,
  withAlarms,
  withDraft,
  withDrawing,
  withEngine,
  withFetching,
  withFromBlock,
  withImport,
  withInputs,
  withJson,
  withLimits,
  withModels,
  withOracle,
  withQueue,
  withReading,
  withSending,
  withSources,
  withStatus,
  withTurn,
  withWorkers,
} from './options.ts';
import { starting } from './services/starting.ts';

function build(console: Console): Command {
  const assay = new Command('assay')
    .description('Neural-network inference checked on chain through interactive disputes')
    .version('0.1.0')
    .exitOverride()
    .hook('preAction', (_assay, command) => requireUsable(command))
    .configureOutput({
      writeOut: (text) => console.out(text.trimEnd()),
      writeErr: (text) => console.err(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'assay: ')),
    });
  const run = assay
    .command('run')
    .description('run a model')
    .argument('<MODEL.onnx>', 'the model')
    .option('--output-dir <DIR>', 'write each output to DIR/<name>.npy')
    .option('--output-format <npy|pb>', 'format of the output files', 'npy')
    .option('--ask <PROMPT>', 'with --text: the prompt');
  withJson(
    withDrawing(
      withDraft(withEngine(withImport(withInputs(run, 'an input, from a .npy or TensorProto .pb file')))),
    ),
  ).action(async (model, options) => (await import('./commands/run.ts')).run(model, options, console));
  const inspect = assay
    .command('inspect')
    .description('show what a model compiles to, and what a dispute about it may cost')
    .argument('<MODEL.onnx>', 'the model')
    .option('--node <N>', 'one node, with --stages')
    .option('--stages', 'print what the engine makes of the node, pass by pass');
  withJson(withImport(inspect)).action(async (model, options) => {
    if (options.stages || options.node !== undefined)
      return (await import('./commands/inspectStages.ts')).inspectStages(model, options, console);
    return (await import('./commands/inspect.ts')).inspect(model, options, console);
  });
  const conform = assay
    .command('conform')
    .description(
      "run a folder of ONNX's backend tests on the engines reference and wasm, at ONNX's own tolerances",
    )
    .argument('<DIR>', 'where the tests are: */model.onnx with test_data_set_*/input_*.pb and output_*.pb');
  withJson(conform).action(async (folder, options) =>
    (await import('./commands/conform.ts')).conform(folder, options, console),
  );
  const rehearse = assay
    .command('rehearse')
    .description('play disputes about planted lies on a chain in this process, and print what they cost')
    .argument('<MODEL.onnx>', 'the model')
    .option('--fault <NODE[:ELEMENT]>', 'where to plant the lie (repeatable)', collect)
    .option('--every-node', 'one lie at every node, and one false challenge at every node')
    .option('--sample <N>', 'the same at N nodes, drawn with a fixed seed: for large models')
    .option('--ask <PROMPT>', 'with --text: the prompt');
  withJson(
    withEngine(withImport(withInputs(rehearse, 'an input; inputs not given are seeded random'))),
  ).action(async (model, options) =>
    (await onChain(() => import('./commands/rehearse.ts'))).rehearse(model, options, console),
  );
  const deploy = assay
    .command('deploy')
    .description('put the contracts on a chain')
    .option('--trial', 'allow windows and clocks of seconds: for trials, unsafe with real money')
    .option('--bounds <safe|rollup|trial>', 'bounds on the terms of requests (default: by the chain)')
    .option('--currency <ADDRESS>', 'an ERC-20 token that fees and bonds are in; ether if left out')
    .option('--least-bond <N>', "the least claim bond, in the token's smallest unit; with --currency")
    .option('--confirmations <N>', 'blocks to wait for; else 5, and 1 on a development chain')
    .option('--replace', 'record the oracle in place of another one that is recorded for this chain');
  withJson(withTurn(withAccount(deploy))).action(async (options) =>
    (await onChain(() => import('./commands/deploy.ts'))).deploy(options, console),
  );
  const canary = assay
    .command('canary')
    .description('play one false claim and its dispute on a deployment, and say whether it works');
  withJson(withTurn(withOracle(canary))).action(async (options) =>
    (await onChain(() => import('./commands/canary.ts'))).canary(options, console),
  );
  const publish = assay
    .command('publish')
    .description('commit to a model on chain, so that it can be asked for')
    .argument('<MODEL.onnx>', 'the model')
    .option('--uri <URI>', 'where the bundle of the model can be had: http(s):// or ipfs://', '')
    .option('--bundle <DIR>', 'write program, weights and manifest into DIR, to serve or pin');
  withJson(withTurn(withImport(withOracle(publish)))).action(async (model, options) =>
    (await onChain(() => import('./commands/publish.ts'))).publish(model, options, console),
  );
  const serve = assay
    .command('serve')
    .description('serve a bundle or answers over HTTP, until SIGINT or SIGTERM')
    .argument('<DIR>', 'what `publish --bundle` has written, or the folder answers of a provider')
    .option('--port <N>', 'port to listen on; 0 for any that is free', '8480')
    .option('--host <ADDRESS>', 'address to listen on', '127.0.0.1');
  serve.action(async (folder, options) =>
    (await import('./commands/serveBundle.ts')).serveBundle(folder, options, console),
  );
  const fetch = assay
    .command('fetch')
    .description('get a published model into the local store, every byte checked')
    .argument('<MODEL_ID>', 'its id');
  withJson(withLimits(withSources(withReading(fetch)))).action(async (id, options) =>
    (await onChain(() => import('./commands/fetch.ts'))).fetch(id, options, console),
  );
  const request = assay
    .command('request')
    .description('ask for an inference; bonds and times left out are the usual ones')
    .argument('<MODEL.onnx>', 'the model')
    .option('--fee-wei <N>', 'what the provider of the answer earns', '0')
    .option('--claim-bond-wei <N>', 'what a provider loses if it lies')
    .option('--challenge-bond-wei <N>', 'what a challenger loses if it is wrong')
    .option('--window-seconds <N>', 'how long an answer can be challenged')
    .option('--clock-seconds <N>', 'time of each side of a dispute for all its moves')
    .option('--callback-gas <N>', 'gas of the callback, for a requester that is a contract')
    .option('--callback-fee-wei <N>', 'what whoever first runs the callback earns')
    .option('--answer-by-root', 'have the answer as roots of its tensors: for long ones')
    .option('--input-uri <URI>', 'give the input by root and say where it can be had; you vouch for that')
    .option('--provider <ADDRESS>', 'the only account that may answer')
    .option('--verifier <ADDRESS>', 'a contract that may make an answer final at once')
    .option('--patience-seconds <N>', 'time after which `assay cancel` takes an unanswered request back')
    .option(
      '--wait',
      'wait for the final answer and print it; an answer by root is read from the URI in its claim',
    );
  withJson(
    withDrawing(
      withImport(
        withInputs(
          withFetching(withTurn(withOracle(request))),
          'an input, from a .npy or TensorProto .pb file',
        ),
        '--text <PROMPT>',
      ),
    ),
  ).action(async (model, options) =>
    (await onChain(() => import('./commands/request.ts'))).request(model, options, console),
  );
  const provide = assay
    .command('provide')
    .description('answer requests on models, until SIGINT or SIGTERM')
    .option(
      '--min-fee-wei <N>',
      'skip requests that pay less (default: the gas of an answer at a quarter of --max-fee-gwei)',
    )
    .option('--callbacks <when>', 'run callbacks if their fee pays for them, always or never', 'paid')
    .option(
      '--trusted-verifier <ADDRESS>',
      'a verifier that requests may name; others are skipped (repeatable; default: none)',
      collect,
    )
    .option(
      '--answers-uri <URI>',
      'public address of answers by root: serve the folder answers of --data there',
    );
  withStatus(withSending(withQueue(withWorkers(withDraft(withModels(provide, '<MODEL...>')))))).action(
    (models, options) =>
      starting(console, async () =>
        (await onChain(() => import('./commands/provide.ts'))).provide(models, options, console),
      ),
  );
  const watch = assay
    .command('watch')
    .description('check claims on models and challenge the wrong ones, until SIGINT or SIGTERM')
    .option('--all', 'fetch every model that a claim names, within limits, and check it')
    .option('--alert-only', 'challenge nothing: raise alarms, as `assay monitor` does; takes no key');
  withAlarms(
    withStatus(withSending(withQueue(withLimits(withWorkers(withModels(watch, '[MODEL...]')))))),
  ).action((models, options) =>
    starting(console, async () =>
      (await onChain(() => import('./commands/watch.ts'))).watch(models, options, console),
    ),
  );
  const worker = assay
    .command('worker')
    .description('run models for providers and watchers of the same queue, until SIGINT or SIGTERM')
    .argument('[MODEL...]', 'the models: files, or ids of fetched ones')
    .requiredOption('--queue <URL>', 'the Redis or Valkey server: redis://…')
    .option('--config <FILE>', 'settings in TOML or YAML; flags and ASSAY_… variables win over it')
    .option('--all', 'fetch every model that runs are queued for, within limits');
  withStatus(withLimits(withSources(withImport(withWorkers(worker))))).action((models, options) =>
    starting(console, async () => (await import('./commands/worker.ts')).worker(models, options, console)),
  );
  const callback = assay
    .command('callback')
    .description('run the callback of an answered request, if it was not run or failed')
    .argument('<REQUEST_ID>', 'the request');
  withJson(withTurn(withFromBlock(withOracle(callback)))).action(async (id, options) =>
    (await onChain(() => import('./commands/settle.ts'))).callback(id, options, console),
  );
  const finalize = assay
    .command('finalize')
    .description(
      'make a claim final: after its window, or at once by a proof for the verifier of its request',
    )
    .argument('<CLAIM_ID>', 'the claim')
    .option('--proof <FILE>', "holds the proof, as bytes or as 0x…, in the verifier's own encoding")
    .option('--with-callback', 'run the callback of the requester in the same transaction, for its fee');
  withJson(withTurn(withFromBlock(withOracle(finalize)))).action(async (id, options) =>
    (await onChain(() => import('./commands/settle.ts'))).finalize(id, options, console),
  );
  const cancel = assay
    .command('cancel')
    .description('take back a request of this account that nobody has answered, once its patience is over')
    .argument('<REQUEST_ID>', 'the request');
  withJson(withTurn(withFromBlock(withOracle(cancel)))).action(async (id, options) =>
    (await onChain(() => import('./commands/settle.ts'))).cancel(id, options, console),
  );
  const withdraw = assay
    .command('withdraw')
    .description('take out what the oracle owes this account: fees, bonds and winnings');
  withJson(withTurn(withOracle(withdraw))).action(async (options) =>
    (await onChain(() => import('./commands/settle.ts'))).withdraw(options, console),
  );
  addOperating(assay, console);
  assay
    .command('config')
    .description('print what a command would run with: `assay config watch …`; secrets are hidden')
    .option('--config <FILE>', 'settings in TOML or YAML, as the command itself takes it')
    .argument('<COMMAND>', 'the command, followed by its own options')
    .action((name: string) => {
      throw new InputError(`config ${name}: there is no such command`, 2);
    });
  return assay;
}

/** Prints what a command would run with instead of running it: `assay config provide …`. */
function showInstead(command: Command, origins: Origins, console: Console): void {
  command.action(() => {
    for (const line of settingLines(command, origins)) console.out(line);
  });
}

/** Moves a `--config FILE` that stands before the name of a command behind it, where the command takes it. */
function asCommand(args: readonly string[]): readonly string[] {
  const [first = '', second = '', ...rest] = args;
  if (first === '--config') {
    const [name, ...others] = rest;
    return name === undefined ? args : [name, first, second, ...others];
  }
  return first.startsWith('--config=') ? [second, first, ...rest] : args;
}

/**
 * Runs one command.
 *
 * @param args what follows the command's name
 * @returns the exit code: 0 done, 1 something given cannot be used or did not hold, 2 wrong usage; others are explained
 *   at the commands that have them
 */
export async function commandLine(args: readonly string[], console: Console): Promise<number> {
  const assay = build(console);
  const asked = args[0] === 'config' ? asCommand(args.slice(1)) : args;
  const shows = args[0] === 'config' && assay.commands.some((one) => one.name() === asked[0]);
  const rest = shows ? asked : args;
  const command = assay.commands.find((one) => one.name() === rest[0]);
  let origins: Origins = new Map();
  try {
    if (command) origins = await applySettings(assay, command, rest.slice(1), process.env);
    if (command && shows) showInstead(command, origins, console);
    await assay.parseAsync(rest, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its own message by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Exit) return error.exitCode;
    if (error instanceof InputError) {
      console.progress(undefined);
      const message = command ? withOrigin(error.message, command, origins) : error.message;
      console.err(`assay: ${message}`);
      return error.exitCode;
    }
    throw error;
  } finally {
    console.progress(undefined);
  }
}
