/** Where a page without a server reads: from a node. The index.html of its static files holds this. */
export interface Site {
  /** URL of the node. Everybody who opens the page can read it. */
  readonly rpc: string;
  readonly oracle: string;
  /** First block to read: none before it has an event of the deployment. */
  readonly fromBlock: number;
  /** Gateways that serve the files of models with `ipfs://` URIs. */
  readonly gateways: readonly string[];
}

/** Name of the `meta` element of index.html that holds it, as JSON. */
export const SITE_NAME = 'assay-site';
