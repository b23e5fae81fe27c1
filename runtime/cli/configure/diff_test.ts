import { assertEquals } from "@std/assert";
import { unifiedDiff } from "./diff.ts";

/** What patch(1) makes of a text by the difference. */
function patched(before: string, after: string): string {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/file`, before);
    Deno.writeTextFileSync(`${dir}/diff`, unifiedDiff("file", before, after));
    const { success, stderr } = new Deno.Command("patch", { args: ["-s", "-i", "diff", "file"], cwd: dir })
      .outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return Deno.readTextFileSync(`${dir}/file`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const LINES = Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join("");

Deno.test("unifiedDiff: as diff -u", () => {
  assertEquals(
    unifiedDiff("/f", "a\nb\nc\nd\ne\n", "a\nb\nc\nx\ne\n"),
    "--- /f\n+++ /f\n@@ -1,5 +1,5 @@\n a\n b\n c\n-d\n+x\n e\n",
  );
  assertEquals(unifiedDiff("/f", undefined, "a\n"), "--- /dev/null\n+++ /f\n@@ -0,0 +1,1 @@\n+a\n");
  assertEquals(unifiedDiff("/f", "a\n", undefined), "--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n");
  assertEquals(unifiedDiff("/f", "a\n", "a\n"), "");
});

Deno.test({
  name: "unifiedDiff: patch(1) takes it",
  ignore: new Deno.Command("sh", { args: ["-c", "command -v patch"] }).outputSync().code !== 0,
  fn() {
    for (
      const [before, after] of [
        [LINES, LINES.replace("line 4\n", "").replace("line 15", "line x\nline y")],
        [LINES, LINES + "more\n"],
        ["a", "a\n"],
        ["a\nb", "a\nb,\nc"],
        [LINES, `first\n${LINES}`],
      ]
    ) assertEquals(patched(before, after), after);
  },
});
