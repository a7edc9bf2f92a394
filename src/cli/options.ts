import type { Command } from 'commander';
import { InputError } from '../files/inputError.ts';
import { collect } from '../settings/settings.ts';

/** Options that several commands have in common. */

/** Adds options for the sizes of a compiled text model. */
const withTextSizes = (command: Command): Command =>
  command
    .option('--prompt <N>', 'with --text: most tokens of a prompt (default: 128)')
    .option('--tokens <N>', 'with --text: most tokens of a text (default: 128)')
    .option('--end <TOKEN>', 'with --text: a token that ends a text (repeatable)', collect)
    .option(
      '--weights <float32|int8|int4>',
      'with --text and a GGUF file: format of the weights (default: float32)',
    )
    .option('--sampled', 'with --text: draw tokens, by a seed and a temperature that each request gives')
    .option('--tokenizer <FILE>', 'with --text: a tokenizer.json, if it is not beside the model');

/** Options of drawing tokens. */
export const withDrawing = (command: Command): Command =>
  command
    .option('--temperature <N>', 'with --sampled: 0 takes the likeliest token (default: 1)')
    .option('--seed <N>', 'with --sampled: seed of the draws (default: 0)')
    .option('--top-k <N>', 'with --sampled: draw from the N likeliest tokens only (default: all)');

/** Servers that guess tokens. */
export const withDraft = (command: Command): Command =>
  command.option(
    '--draft <URL>',
    "with --text: a server like OpenAI's that guesses tokens, to be checked in blocks",
  );

/** Everything that imports a model takes what the file leaves open in the same way. */
export const withImport = (command: Command, text = '--text'): Command =>
  withTextSizes(
    command.option(
      text,
      text === '--text'
        ? 'the model is a causal language model, in ONNX or GGUF, whose claims are texts'
        : 'the prompt for a causal language model, in ONNX or GGUF, whose claims are texts',
    ),
  )
    .option('--dim <name=N>', 'bind a dimension that the file leaves open (repeatable)', collect)
    .option(
      '--bind <name=FILE>',
      'make an input part of the program, from a .npy or .pb file (repeatable)',
      collect,
    )
    .option(
      '--range <name=LOW..HIGH>',
      'bound the values that an input takes, as a part of the program (repeatable)',
      collect,
    )
    .option(
      '--half <round|float32>',
      'arithmetic of float16 and bfloat16: rounded after each operator, or float32 throughout',
      'round',
    );

export const withInputs = (command: Command, what: string): Command =>
  command.option('--input <name=FILE>', `${what} (repeatable)`, collect);

export const withEngine = (command: Command): Command =>
  command
    .option('--engine <wasm|webgpu|auto|reference>', 'the engine; all give the same bits', 'wasm')
    .option(
      '--spot-checks <share>',
      'share of runs on a GPU, from 0 to 1, of which a part is checked on the CPU (default: 1/32)',
    )
    .option(
      '--threads <N>',
      'threads of a run on the wasm engine (default: all cores, divided among concurrent runs)',
    );

/** Services run models in the background. */
export const withWorkers = (command: Command): Command =>
  withEngine(command)
    .option('--workers <N>', 'concurrent runs (default: half as many as cores, at least 2)')
    .option('--batch <N>', 'most waiting inputs of one model that are computed together (default: 8)');

/** Adds options for the transactions that services send on their own. */
export const withSending = (command: Command): Command =>
  command
    .option('--max-bond-wei <N>', 'put up no bond greater than this')
    .option('--max-bonds-wei <N>', 'put up no more than this in all open bonds together')
    .option(
      '--max-fee-gwei <N>',
      'pay no more for a unit of gas (default: 100, and near a deadline up to what is at stake)',
    )
    .option('--in-flight <N>', 'most transactions that wait to be mined (default: 16)')
    .option('--confirmations <N>', 'blocks for which a mined transaction is followed (default: 64)');

export const withJson = (command: Command): Command =>
  command.option('--json', 'print one JSON object instead of text');

/** Everything that goes to a chain does so over a node. */
const withNode = (command: Command): Command =>
  command
    .requiredOption(
      '--rpc <URL>',
      'an Ethereum node, http, https, ws or wss (repeatable, for several)',
      collect,
    )
    .option('--config <FILE>', 'settings in TOML or YAML; flags and ASSAY_… variables win over it');

/** Everything that sends does so as an account. */
export const withAccount = (command: Command): Command =>
  withNode(command)
    .option(
      '--private-relay <URL>',
      'a node that shows transactions to nobody before they are mined: gets claims and challenges first',
    )
    .option('--key-file <FILE>', 'holds the private key of the account; else ASSAY_KEY does')
    .option('--keystore <FILE>', 'holds the private key under a password, as keystore JSON')
    .option('--password-file <FILE>', 'holds the password of the keystore; else ASSAY_PASSWORD does')
    .option('--signer <URL>', 'a program that holds the key and signs, such as web3signer or clef')
    .option('--signer-address <ADDRESS>', 'the account that the signer signs for');

/** The folder for everything that is kept on disk. */
const withData = (command: Command): Command =>
  command.option(
    '--data <DIR>',
    'folder for models, inputs and sent transactions (default: assay in $XDG_DATA_HOME)',
  );

/** Commands that send and end: a service that sends with the same key is noticed in its folder. */
export const withTurn = withData;

const withAddress = (command: Command): Command =>
  command.option('--oracle <ADDRESS>', 'the InferenceOracle; else deployments/<chain>.json names it');

export const withOracle = (command: Command): Command => withAddress(withAccount(command));

/** Everything that only reads a deployment. */
export const withReading = (command: Command): Command => withFromBlock(withAddress(withNode(command)));

export const withFromBlock = (command: Command): Command =>
  command.option(
    '--from-block <N>',
    'first block to read, before the first request (default: recorded with the oracle)',
  );

export const withModels = (command: Command, argument: string): Command =>
  withSources(
    withFromBlock(
      withImport(withOracle(command.argument(argument, 'the models: files, or ids of fetched ones'))),
    ),
  );

/** Everything that gets models or inputs from where others say they are. */
export const withSources = (command: Command): Command =>
  withFetching(
    withData(command).option(
      '--mirror <URI>',
      'a bundle to try before those that publishers name (repeatable)',
      collect,
    ),
  );

/** Everything that follows URIs of others. */
export const withFetching = (command: Command): Command =>
  command
    .option(
      '--ipfs-gateway <URL>',
      'gateway for ipfs:// URIs, instead of the public ones (repeatable)',
      collect,
    )
    .option('--allow-private', 'follow URIs to private addresses too');

/** Bounds on models that strangers name. */
export const withLimits = (command: Command): Command =>
  command
    .option('--max-models <N>', 'most models held at a time with --all (default: 64)')
    .option(
      '--max-model-bytes <N>',
      'most bytes of program and weights of one model (default with --all: 1 GiB)',
    )
    .option('--max-model-nodes <N>', 'most nodes of the program of one model (default with --all: 16384)')
    .option(
      '--max-models-bytes <N>',
      'most bytes on disk of all of them, unfinished ones too (default: 4 GiB)',
    )
    .option('--max-run-bytes <N>', 'most bytes of tensors of one run (default with --all: 2 GiB)')
    .option(
      '--max-run-steps <N>',
      'most fold steps of one run, as inspect shows them (default with --all: 2e11)',
    )
    .option('--max-run-seconds <N>', 'time after which a run is ended (default with --all: 600)')
    .option(
      '--fetch-seconds <N>',
      'timeout of fetching one model, and of all of `monitor --once` (default: 3600)',
    );

/** Runs may be spread over other machines. */
export const withQueue = (command: Command): Command =>
  command
    .option('--queue <URL>', 'a Redis or Valkey server whose workers make the runs: redis://…')
    .option('--worker-key <KEY>', 'a worker whose answers are used (repeatable; default: any)', collect)
    .option('--agree <N>', 'listed workers that must give the same answer (default: 1)')
    .option('--check-one-in <N>', 'run one in N answers here too; 0: none (default: 16)');

/** Programs that run until they are ended write a log. */
export const withLog = (command: Command): Command =>
  command
    .option('--log <text|json>', 'format of log lines', 'text')
    .option('--log-level <debug|info|warn|error>', 'least level that is logged', 'info');

/** A service logs and shows how it is; everything else prints its result. */
export const withStatus = (command: Command): Command =>
  withLog(command)
    .option('--heartbeat-seconds <N>', 'interval of status lines in the log; 0: none', '300')
    .option('--metrics-port <N>', 'serve /metrics for Prometheus, /healthz and /readyz on this port')
    .option('--metrics-host <HOST>', 'the address to serve them on', '127.0.0.1');

/** Everything that raises alarms. */
export const withAlarms = (command: Command): Command =>
  command
    .option('--webhook <URL>', 'post alarms to this address as JSON')
    .option('--interval-seconds <N>', 'interval of looks at the chain, with alarms', '10')
    .option('--alarm-clock-percent <N>', 'raise an alarm when this much of a clock is left', '25')
    .option(
      '--alarm-window-percent <N>',
      "raise an alarm when this much of an unchecked claim's window is left",
      '50',
    );

/**
 * Imports a command that speaks to the contracts.
 *
 * @throws InputError in a clone that has not compiled them
 */
export async function onChain<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('typechain')) throw error;
    throw new InputError('the contracts are not compiled yet; run `npm run compile` in the project once');
  }
}
