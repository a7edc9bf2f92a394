import { merged } from '../merged.ts';
import { operators as features } from './Features.ts';
import { operators as linear } from './Linear.ts';
import { operators as svm } from './Svm.ts';
import { operators as treeEnsemble } from './TreeEnsemble.ts';

/** The domain ai.onnx.ml: trees, linear and vector models, what stands around them. */
export const operators = merged(features, linear, svm, treeEnsemble);
