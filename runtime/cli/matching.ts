/**
 * Commands on all containers whose ids match a regular expression: `kill --regex`, `delete --regex`.
 * @module
 */
import { printable } from "../../ffi/printable.ts";
import { codeOf, ownError, reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { isId } from "../container/id.ts";
import { MissingContainerError } from "../container/record.ts";
import { listIds } from "../container/state_dir.ts";
import { writeText } from "../host/log.ts";

/**
 * A regular expression as people write it for grep -E. It may match any part of an id.
 *
 * @throws {RuntimeError} for one that is wrong, or that JavaScript reads otherwise than regex(7).
 */
export function parsePattern(text: string): RegExp {
  const wrong = (reason: string) =>
    new RuntimeError("EINVAL_FLAG", `invalid regular expression ${JSON.stringify(text)}: ${reason}`);
  if (/\[[:.=]\w+[:.=]\]/.test(text)) {
    throw wrong("write a-z, 0-9 or \\w in place of a class such as [:alnum:]");
  }
  try {
    return new RegExp(text, "u");
  } catch (error) {
    throw wrong(reasonOf(error).replace(/^Invalid regular expression: .*: /, ""));
  }
}

/**
 * Does the same with each container whose id matches, in order of their ids, and prints each id that it was
 * done with. A failure does not keep the others from their turn.
 *
 * @param act Returns whether anything was done. A container that is gone meanwhile is passed over.
 * @throws {RuntimeError} At the end, with each id and why it failed.
 */
export async function forMatching(
  root: string,
  pattern: string,
  act: (id: string) => Promise<boolean | void>,
): Promise<void> {
  const wanted = parsePattern(pattern);
  const failures: { id: string; error: unknown }[] = [];
  for (const id of listIds(root).filter((name) => isId(name) && wanted.test(name))) {
    try {
      if (await act(id) !== false) writeText(Deno.stdout, `${printable(id)}\n`);
    } catch (caught) {
      const error = ownError(caught);
      if (!(error instanceof MissingContainerError)) failures.push({ id, error });
    }
  }
  if (failures.length === 0) return;
  const reasons = failures.map(({ id, error }) => `${id}: ${reasonOf(error)}`).join("; ");
  throw new RuntimeError(codeOf(failures[0].error), reasons);
}
