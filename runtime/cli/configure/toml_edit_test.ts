import { assertEquals } from "@std/assert";
import {
  addToArray,
  appendBlock,
  hasTable,
  parseKey,
  readKey,
  setKey,
  splitBlock,
  stringsOf,
} from "./toml_edit.ts";

const CRI = ["plugins", "io.containerd.grpc.v1.cri", "containerd"];
const TEXT = `version = 2 # two
root="/a"
imports = [
  "/a/*.toml", # "not this"
  'b',
]

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    [ plugins . 'io.containerd.grpc.v1.cri' . containerd ] # here
      default_runtime_name = "runc"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
`;

Deno.test("toml: keys, tables and arrays are found", () => {
  assertEquals(parseKey(`a . "b.c".'d' .e-f`), ["a", "b.c", "d", "e-f"]);
  assertEquals(readKey(TEXT, [], "version"), "2");
  assertEquals(readKey(TEXT, [], "root"), '"/a"');
  assertEquals(stringsOf(readKey(TEXT, [], "imports")!), ["/a/*.toml", "b"]);
  assertEquals(readKey(TEXT, CRI, "default_runtime_name"), '"runc"');
  assertEquals(readKey(TEXT, [...CRI, "runtimes", "runc", "options"], "SystemdCgroup"), "true");
  assertEquals(readKey(TEXT, [], "default_runtime_name"), undefined);
  assertEquals([hasTable(TEXT, CRI), hasTable(TEXT, [...CRI, "runtimes", "tsrun"])], [true, false]);
});

Deno.test("toml: a key is changed, or added to its table, and nothing else", () => {
  const changed = setKey(TEXT, CRI, "default_runtime_name", '"x"');
  assertEquals(changed, TEXT.replace('"runc"', '"x"'));
  assertEquals(
    setKey(TEXT, CRI, "snapshotter", '"s"'),
    TEXT.replace("# here\n", '# here\n      snapshotter = "s"\n'),
  );
  assertEquals(setKey(TEXT, [], "version", "3"), TEXT.replace("= 2", "= 3"));
  assertEquals(setKey("[a]\n", [], "x", "1"), "x = 1\n[a]\n");
});

Deno.test("toml: a string is added to an array", () => {
  assertEquals(addToArray("version = 3\n[a]\n", "imports", "x"), 'version = 3\nimports = ["x"]\n[a]\n');
  assertEquals(addToArray("imports = []\n", "imports", "x"), 'imports = ["x"]\n');
  assertEquals(addToArray('imports = ["a"] # c\n', "imports", "x"), 'imports = ["a", "x"] # c\n');
  assertEquals(addToArray('imports = ["x"]\n', "imports", "x"), 'imports = ["x"]\n');
  const longer = addToArray(TEXT, "imports", "x");
  assertEquals(longer, TEXT.replace("  'b',\n", "  'b',\n  \"x\"\n"));
  assertEquals(stringsOf(readKey(longer, [], "imports")!), ["/a/*.toml", "b", "x"]);
});

Deno.test("toml: a block comes and goes, and leaves the document as it was", () => {
  for (const text of ["", "a = 1\n", TEXT]) {
    const longer = appendBlock(text, "tsrun", "[x]\n");
    assertEquals(splitBlock(longer, "tsrun").rest, text);
    assertEquals(splitBlock(longer, "other").rest, longer);
    assertEquals(appendBlock(splitBlock(longer, "tsrun").rest, "tsrun", "[x]\n"), longer);
  }
  const two = appendBlock(appendBlock("a = 1\n", "one", "[x]\n"), "two", "[y]\n");
  assertEquals(splitBlock(splitBlock(two, "one").rest, "two").rest, "a = 1\n");
});
