/** What the index.html of static files says about where their page reads: straight from a node, without a server. */
export interface Site {
  /** URL of a node. Everybody who opens the page can read it. */
  readonly rpc: string;
  readonly oracle: string;
  /** Before it the deployment has said nothing. */
  readonly fromBlock: number;
  /** Asked for `ipfs://` URIs of models. */
  readonly gateways: readonly string[];
}

/** Name of the element of index.html that holds it, as JSON. */
export const SITE_NAME = 'assay-site';
