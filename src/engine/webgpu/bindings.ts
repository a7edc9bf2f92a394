/**
 * Bindings that all kernels of a session share: their parameters (a slot of one uniform buffer, by dynamic offset), the
 * list of elements in doubt, the records of the interpreter, and the buffers of memory.
 */
export const UNIFORM = 0;
export const DOUBTS = 1;
export const RECORDS = 2;
export const FIRST_MEMORY = 3;

/** Storage buffers besides those of memory. */
export const OTHER_STORAGE = 2;

/** Words of a kernel's parameters, and their bytes in the uniform buffer. */
export const PARAMETER_WORDS = 64;
export const PARAMETER_BYTES = 4 * PARAMETER_WORDS;

/** Words of a kernel's parameters; the offsets of its accesses in memory, in words, follow. */
export const PARAMETER = {
  /** -0.0, which no compiler knows. */
  negativeZero: 0,
  /** Place of the kernel's record for the interpreter. */
  record: 1,
  /** Place of its counter among the doubts. */
  counter: 2,
  /** The first place of the list of items in doubt, and most that it holds. */
  list: 3,
  capacity: 4,
  /** 1 if the interpreter computes the items in the list, 0 if all. */
  isListed: 5,
  /** Place of the kernel's tensor, words. */
  target: 6,
  /**
   * Quads of steps in a panel, and elements of an invocation in a tile: figures that compilers do not know, so that they
   * leave loops over them loops.
   */
  quads: 7,
  elements: 8,
  accesses: 12,
} as const;

/** Most accesses of a kernel that has code of its own. */
export const MAX_ACCESSES = PARAMETER_WORDS - PARAMETER.accesses;

/** A tile leaves it for a total that it could not compute: a NaN, and totals are finite. */
export const NO_TOTAL = 0xffffffff;

/** Invocations of a workgroup. */
export const WORKGROUP = 64;

/** The expression of a parameter. */
export const parameter = (word: number): string => `p[${word >> 2}][${word & 3}]`;

/** Declarations of all bindings. */
export const declarations = (memories: number): string => /* wgsl */ `
@group(0) @binding(${UNIFORM}) var<uniform> p: array<vec4<u32>, ${PARAMETER_WORDS / 4}>;
@group(0) @binding(${DOUBTS}) var<storage, read_write> doubts: array<atomic<u32>>;
@group(0) @binding(${RECORDS}) var<storage, read> records: array<u32>;
${Array.from(
  { length: memories },
  (_, i) => `@group(0) @binding(${FIRST_MEMORY + i}) var<storage, read_write> m${i}: array<u32>;`,
).join('\n')}
`;
