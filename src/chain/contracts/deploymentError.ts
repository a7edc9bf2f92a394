/** A deployment that cannot or should not be used. */
export class DeploymentError extends Error {
  override name = 'DeploymentError';
}
