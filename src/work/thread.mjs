// Where a worker thread begins. Plain JavaScript, so that it can register what loads the rest.
import { register } from 'tsx/esm/api';

register();
await import('./thread.ts');
