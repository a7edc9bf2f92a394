export { exp } from './exponential.ts';
