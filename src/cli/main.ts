// The command line: reads the arguments and hands over to one module a command.
import { program } from 'commander';

program
  .name('assay')
  .description('Neural-network inference checked on chain through interactive disputes')
  .version('0.1.0');

await program.parseAsync();
