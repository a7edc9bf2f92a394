/** Why something cannot be had from a URI, in one line. */
export class RemoteError extends Error {
  override name = 'RemoteError';
}
