/**
 * Whether this caller and kernel can confine devices on cgroup v2: a program is loaded, attached to nothing,
 * and dropped.
 * @module
 */
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { deviceList } from "../device_rules.ts";
import { loadProgram } from "./device_attach.ts";
import { deviceProgram } from "./device_bpf.ts";

/** 0, or the errno that bpf(2) refused the program with. */
export function tryDeviceProgram(k: LocalKernel): number {
  try {
    k.close(loadProgram(k, deviceProgram(deviceList(undefined))));
    return 0;
  } catch (error) {
    if (error instanceof OperationError) return error.errno;
    throw error;
  }
}
