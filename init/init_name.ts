/**
 * What a container's init is called until it becomes the container's process.
 * @module
 */

/** Given by PR_SET_NAME; execve(2) replaces it by the program's. */
export const INIT_NAME = "tsrun:init";
