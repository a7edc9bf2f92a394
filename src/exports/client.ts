/**
 * `import … from 'assay'`: publish models, ask for inferences, wait for final answers, over ethers.
 *
 * @module client
 */

export { Refused } from '../chain/actions/submit.ts';
export { as, type Contracts, connect, DeploymentError } from '../chain/contracts/contracts.ts';
export {
  type Address,
  type Hex,
  PLAIN_TERMS,
  type Request,
  type TermBounds,
  type Terms,
  ZERO_ADDRESS,
} from '../chain/contracts/types.ts';
export { BOUNDS, type Bounds, type BoundsName, boundsFor } from '../chain/deployment/bounds.ts';
export { EndpointError, type Endpoints, openEndpoint, openEndpoints } from '../chain/endpoints/endpoints.ts';
export { contractError, explain } from '../chain/messages/explain.ts';
export * from '../client/client.ts';
export * from '../client/text.ts';
export { bytesOfHex, hexOf } from '../merkle/keccak.ts';
export { type Model, modelOf } from '../merkle/model.ts';
export { type EncodedPrompt, InvalidPrompt, type TextFormat } from '../text/prompt.ts';
export { type TextTokenizer, tokenizerOf } from '../text/tokenizer.ts';
export { tokenTexts, type VocabularyPages, vocabularyPages } from '../text/vocabulary.ts';
