/**
 * The directories that CRIU works in: its images, and its logs.
 * @module
 */

import { O_DIRECTORY, O_RDONLY } from "../../../ffi/constants.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { isDirectory, isFile, makeDirectories, writeTextFile } from "../../host/files.ts";
import { inputFailure, readInput } from "../../host/input.ts";
import type { CriuOptions } from "./options.ts";
import type { CriuOpts } from "./rpc.ts";

/** Name of the file among the images that describes the standard descriptors of the container's init. */
export const DESCRIPTORS_FILE = "descriptors.json";

/** CRIU's options for the directories. */
export type DirectoryOptions = Pick<CriuOpts, "images_dir_fd" | "work_dir_fd" | "log_file">;

/**
 * Opens the directories in the process that becomes CRIU.
 *
 * @param logName Name of the log file.
 * @throws {OperationError} When one of them cannot be opened.
 */
export function openDirectories(
  k: Kernel,
  { imagePath, workPath }: CriuOptions,
  logName: string,
): DirectoryOptions {
  const open = (path: string) => k.open(path, O_RDONLY | O_DIRECTORY).wait();
  if (workPath !== undefined) makeCriuDirectory(workPath);
  return {
    images_dir_fd: open(imagePath),
    work_dir_fd: workPath === undefined ? undefined : open(workPath),
    log_file: logName,
  };
}

/** The descriptors among them. */
export function directoryDescriptors({ images_dir_fd, work_dir_fd }: DirectoryOptions): number[] {
  return work_dir_fd === undefined ? [images_dir_fd] : [images_dir_fd, work_dir_fd];
}

/** Path of a log that CRIU writes. */
export function logPath({ imagePath, workPath }: CriuOptions, logName: string): string {
  return `${workPath ?? imagePath}/${logName}`;
}

/**
 * Makes a directory for images or logs, with its parents. It may exist already.
 *
 * @param searched Whether the root of a user namespace has to pass through it, as CRIU does in a restore. It
 * need not read it.
 */
export function makeCriuDirectory(path: string, searched = false): void {
  try {
    makeDirectories(path, searched ? 0o711 : 0o700);
  } catch (error) {
    throw new RuntimeError("EIO_CHECKPOINT", `make the directory ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Checks `--parent-path`: the images of an earlier dump, relative to the new ones.
 *
 * @throws {RuntimeError} In runc's words.
 */
export function checkParent(imagePath: string, parent: string): void {
  if (parent.startsWith("/")) throw new RuntimeError("EIO_CHECKPOINT", "--parent-path must be relative");
  const path = `${imagePath}/${parent}`;
  if (isDirectory(path)) return;
  const reason = isFile(path) ? "not a directory" : "no such file or directory";
  throw new RuntimeError("EIO_CHECKPOINT", `invalid --parent-path: stat ${path}: ${reason}`);
}

/** Writes the links of the standard descriptors in /proc/<pid>/fd, as runc writes them. */
export function writeDescriptors(imagePath: string, descriptors: readonly string[]): void {
  const path = `${imagePath}/${DESCRIPTORS_FILE}`;
  try {
    writeTextFile(path, JSON.stringify(descriptors), 0o600);
  } catch (error) {
    throw new RuntimeError("EIO_CHECKPOINT", `write ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Reads the links of the standard descriptors.
 *
 * @throws {RuntimeError} If the file does not exist: the directory holds no images.
 */
export async function readDescriptors(k: LocalKernel, imagePath: string): Promise<string[]> {
  const path = `${imagePath}/${DESCRIPTORS_FILE}`;
  let value: unknown;
  try {
    value = JSON.parse(await readInput(k, path));
  } catch (error) {
    throw new RuntimeError("EIO_CHECKPOINT", `read ${path}: ${inputFailure(error)}`);
  }
  if (value === null) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw new RuntimeError("EIO_CHECKPOINT", `read ${path}: not a list of texts`);
  }
  return value;
}
