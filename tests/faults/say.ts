/**
 * Prints a line past the runner of the tests, which keeps what tests print to itself when it is told to be
 * quiet.
 */
export function say(line: string): void {
  try {
    Deno.writeTextFileSync("/dev/stdout", `\n${line}`, { append: true, create: false });
  } catch {
    // Standard output is a socket, which has no name.
    console.log(line);
  }
}
