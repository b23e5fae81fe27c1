/**
 * The name of a container's init until it becomes the container's process.
 * @module
 */

/** It is set by PR_SET_NAME. execve(2) replaces it by the program's name. */
export const INIT_NAME = "tsrun:init";
