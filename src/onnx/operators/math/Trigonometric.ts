import { acos, acosh, asin, asinh, atan, atanh, cos, cosh, sin, sinh, tan } from '../../functions/index.ts';
import type { Operators } from '../context.ts';
import { unary } from '../elementwise.ts';

/**
 * Circular and hyperbolic functions with their inverses.
 *
 * @see https://onnx.ai/onnx/operators/onnx__Sin.html
 * @see https://onnx.ai/onnx/operators/onnx__Cos.html
 * @see https://onnx.ai/onnx/operators/onnx__Tan.html
 * @see https://onnx.ai/onnx/operators/onnx__Asin.html
 * @see https://onnx.ai/onnx/operators/onnx__Acos.html
 * @see https://onnx.ai/onnx/operators/onnx__Atan.html
 * @see https://onnx.ai/onnx/operators/onnx__Sinh.html
 * @see https://onnx.ai/onnx/operators/onnx__Cosh.html
 * @see https://onnx.ai/onnx/operators/onnx__Asinh.html
 * @see https://onnx.ai/onnx/operators/onnx__Acosh.html
 * @see https://onnx.ai/onnx/operators/onnx__Atanh.html
 */
export const operators: Operators = {
  Sin: unary(sin),
  Cos: unary(cos),
  Tan: unary(tan),
  Asin: unary(asin),
  Acos: unary(acos),
  Atan: unary(atan),
  Sinh: unary(sinh),
  Cosh: unary(cosh),
  Asinh: unary(asinh),
  Acosh: unary(acosh),
  Atanh: unary(atanh),
};
