import { assertEquals } from "@std/assert";
import { skip } from "../../tests/lib/skip.ts";
import { binutil, HERE, runTool } from "../entry_testing.ts";
import { POINT } from "./point.ts";

const name = "snapshot: the bytes of the point are what its source assembles to";
const as = binutil("x86_64", "as"), objcopy = binutil("x86_64", "objcopy");
if (!as || !objcopy) skip(name, "no binutils for x86_64");
else {
  Deno.test(name, () => {
    const directory = Deno.makeTempDirSync();
    try {
      runTool(as, "-o", `${directory}/o`, `${HERE}/snapshot/point_x86_64.s`);
      runTool(objcopy, "-O", "binary", "-j", ".text", `${directory}/o`, `${directory}/bin`);
      assertEquals(POINT.toHex(), Deno.readFileSync(`${directory}/bin`).toHex());
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}
