/** The part of js-yaml that reads settings; the package has no types of its own. */
declare module 'js-yaml' {
  interface Type {
    readonly kind: string | null;
  }
  interface Schema {
    extend(more: { readonly implicit: readonly Type[] }): Schema;
  }
  export const FAILSAFE_SCHEMA: Schema;
  export const types: { readonly bool: Type };
  export class YAMLException extends Error {
    readonly reason: string;
    readonly mark?: { readonly line: number; readonly column: number };
  }
  export function load(text: string, options: { readonly schema: Schema }): unknown;
}
