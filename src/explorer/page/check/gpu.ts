/** Whether this browser has WebGPU. */
export const hasGpu = (): boolean => 'gpu' in navigator;
