// The way in of the command line.
import { commandLine } from './commandLine.ts';
import { processConsole } from './console.ts';

try {
  process.exitCode = await commandLine(process.argv.slice(2), await processConsole());
} catch (error) {
  // Not one of the mistakes a user can make: a fault of ours, so the place matters.
  process.stderr.write(
    `assay: failed unexpectedly: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}
