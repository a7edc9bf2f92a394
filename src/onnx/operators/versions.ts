/**
 * The newest version of each operator that its lowering was written for. Where ONNX brings in a newer one, nodes of it
 * are refused until somebody has compared the two and changed the number here.
 */
const OPERATORS_BY_VERSION: Readonly<Record<number, string>> = {
  1: `
    Not ai.onnx.ml.ArrayFeatureExtractor ai.onnx.ml.Binarizer ai.onnx.ml.FeatureVectorizer
    ai.onnx.ml.Imputer ai.onnx.ml.LinearClassifier ai.onnx.ml.LinearRegressor ai.onnx.ml.Normalizer
    ai.onnx.ml.OneHotEncoder ai.onnx.ml.SVMClassifier ai.onnx.ml.SVMRegressor ai.onnx.ml.Scaler
    ai.onnx.ml.ZipMap ai.onnx.preview.FlexAttention
  `,
  4: `
    ai.onnx.ml.LabelEncoder
  `,
  5: `
    ai.onnx.ml.TreeEnsemble ai.onnx.ml.TreeEnsembleClassifier ai.onnx.ml.TreeEnsembleRegressor
  `,
  7: `
    And Or Xor
  `,
  9: `
    Shrink TfIdfVectorizer
  `,
  10: `
    ConvInteger MatMulInteger QLinearConv Upsample
  `,
  11: `
    ConcatFromSequence DynamicQuantizeLinear NonMaxSuppression SequenceAt SequenceConstruct
    Scatter SequenceEmpty SequenceErase SequenceInsert SequenceLength
  `,
  13: `
    Abs ArgMax ArgMin Ceil Clip Concat Erf Exp Expand Floor Gather GatherElements GatherND Gemm Greater
    Hardmax LRN Less Log LogSoftmax MatMul Max Mean MeanVarianceNormalization Min Neg NonZero Reciprocal
    ReduceSum Sigmoid Sign Slice Softmax SoftmaxCrossEntropyLoss Sqrt Sum Tanh Tile
  `,
  14: `
    Add CumSum Div Mul Relu Sub Trilu
  `,
  15: `
    BatchNormalization Pow
  `,
  16: `
    GreaterOrEqual LeakyRelu LessOrEqual PRelu Where
  `,
  17: `
    BlackmanWindow HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap
  `,
  18: `
    BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im ReduceL1 ReduceL2 ReduceMean
    ReduceProd ReduceSumSquare ScatterElements ScatterND Split
  `,
  19: `
    Equal Resize
  `,
  20: `
    AffineGrid DFT Gelu IsInf IsNaN ReduceMax ReduceMin
  `,
  21: `
    GroupNormalization QLinearMatMul
  `,
  22: `
    Acos Acosh Asin Asinh Atan Atanh AveragePool Conv ConvTranspose Cos Cosh DeformConv Det Dropout Elu
    EyeLike GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish
    InstanceNormalization LSTM LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool Mish
    NegativeLogLikelihoodLoss RNN RoiAlign Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu
  `,
  23: `
    RMSNormalization RotaryEmbedding
  `,
  24: `
    SplitToSequence Swish TensorScatter TopK
  `,
  25: `
    Attention CastLike Constant ConstantOfShape Flatten Identity If Loop Pad Reshape Scan Shape Size
    Squeeze Transpose Unsqueeze
  `,
  26: `
    BitCast CumProd
  `,
  27: `
    CausalConvWithState LinearAttention Range
  `,
  28: `
    BitShift Cast Celu Compress DepthToSpace DequantizeLinear Einsum Mod OneHot Optional
    OptionalGetElement OptionalHasElement QuantizeLinear ReduceLogSum ReduceLogSumExp ReverseSequence
    SpaceToDepth SwiGLU Unique
  `,
};

/** The opset that each operator's lowering is written for, by name; operators of other domains as `domain.name`. */
export const WRITTEN_FOR: ReadonlyMap<string, number> = new Map(
  Object.entries(OPERATORS_BY_VERSION).flatMap(([version, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, Number(version)] as const),
  ),
);
