/**
 * `import … from 'assay/services'`: providers, watchers and deployments, over ethers.
 *
 * @module services
 */

export { as, type Contracts, connect, DeploymentError } from '../chain/contracts/contracts.ts';
export type { Case, ClaimRecord, DisputeRecord, RequestRecord, World } from '../chain/contracts/world.ts';
export { BOUNDS, type Bounds, tokenBounds } from '../chain/deployment/bounds.ts';
export { deploy } from '../chain/deployment/deploy.ts';
export { type Edition, editionFor } from '../chain/deployment/edition.ts';
export { type Released, type ReleaseOptions, release } from '../chain/deployment/release.ts';
export { EndpointError, type Endpoints, openEndpoint, openEndpoints } from '../chain/endpoints/endpoints.ts';
export { EventIndex } from '../chain/index/eventIndex.ts';
export type { Listener, Report, Warning } from '../chain/messages/report.ts';
export type { Limits } from '../chain/money/purse.ts';
export { ChainClock } from '../chain/service/chainClock.ts';
export type { ReadInput } from '../chain/service/inputs.ts';
export { type LoopOptions, type Pass, repeat, repeatService, type Service } from '../chain/service/loop.ts';
export type { ChainService, ServiceOptions, ServiceStatus } from '../chain/service/service.ts';
export type { OpenOptions } from '../chain/transactions/open.ts';
export * from '../provider/provider.ts';
export * from '../store/blobs.ts';
export { FolderBlobs } from '../store/folder.ts';
export * from '../store/library.ts';
export * from '../store/shelf.ts';
export { RunTrace } from '../trace/run.ts';
export * from '../watcher/watcher.ts';
export { type WorkOptions, WorkRunner } from '../work/runner.ts';
