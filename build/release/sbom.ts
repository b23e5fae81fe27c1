/**
 * What a release is made of, as CycloneDX 1.5 in JSON (cyclonedx.org/docs/1.5/json).
 * @module
 */
import type { Edition } from "../man/roff.ts";
import type { Program } from "./program.ts";

/** A package of others that the program imports. */
export interface Package {
  name: string;
  version: string;
  /** `jsr` or `npm`. */
  registry: string;
}

/** Licences of packages that may be imported (tests/rooms.ts has the list). */
const LICENCES: readonly [RegExp, string][] = [[/^@std\/|^deno-std$/, "MIT"]];

/**
 * The packages in the graph of modules of `deno info --json`.
 *
 * @throws {Error} for one whose licence is not known here.
 */
export function packagesOf(info: { modules: readonly { specifier: string }[] }): Package[] {
  const found = new Map<string, Package>();
  for (const { specifier } of info.modules) {
    const match = /^(?:https:\/\/(jsr)\.io\/|(npm):\/?)((?:@[^/]+\/)?[^/@]+)[@/](\d[^/]*)/.exec(specifier);
    if (match === null) continue;
    const [, jsr, npm, name, version] = match;
    found.set(`${name}@${version}`, { name, version, registry: jsr ?? npm });
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

function licenceOf(name: string): string {
  const licence = LICENCES.find(([pattern]) => pattern.test(name))?.[1];
  if (licence === undefined) throw new Error(`the licence of ${name} is not in build/release/sbom.ts`);
  return licence;
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** SHA-256 of bytes, in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** A UUID (RFC 9562, version 8) that is the same for the same text. */
async function uuidOf(text: string): Promise<string> {
  const digits = (await sha256(new TextEncoder().encode(text))).slice(0, 32);
  const marked = `${digits.slice(0, 12)}8${digits.slice(13, 16)}a${digits.slice(17)}`;
  return marked.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A component, as CycloneDX has it. */
function component(
  type: "application" | "framework" | "library",
  name: string,
  version: string,
  licence: string,
  more: Record<string, unknown>,
): Record<string, unknown> {
  return {
    type,
    "bom-ref": `${name}@${version}`,
    name,
    version,
    licenses: [{ license: { id: licence } }],
    ...more,
  };
}

/** The document of a program. @param time In seconds of the epoch. */
export async function sbomOf(
  program: Program,
  { version }: Edition,
  facts: { commit: string; time: number; packages: readonly Package[] },
): Promise<string> {
  const { deno, v8, typescript } = Deno.version;
  const hashes = [{ alg: "SHA-256", content: await sha256(program.engine) }];
  const main = component("application", "tsrun", version, "Apache-2.0", {
    purl: `pkg:generic/tsrun@${version}?arch=${program.arch}`,
    properties: [
      { name: "tsrun:commit", value: facts.commit },
      { name: "tsrun:kind", value: program.kind },
      { name: "tsrun:architecture", value: program.arch },
    ],
  });
  const components = [
    component("framework", "deno", deno, "MIT", {
      purl: `pkg:github/denoland/deno@v${deno}`,
      // Of a compiled program the engine is no file of its own.
      ...program.kind === "bundle" ? { hashes } : {},
    }),
    component("library", "v8", v8, "BSD-3-Clause", { purl: `pkg:github/v8/v8@${v8}` }),
    component("library", "typescript", typescript, "Apache-2.0", {
      purl: `pkg:npm/typescript@${typescript}`,
    }),
    ...facts.packages.map(({ name, version, registry }) =>
      component("library", name, version, licenceOf(name), {
        purl: `pkg:${registry}/${encodeURIComponent(name).replaceAll("%2F", "/")}@${version}`,
      })
    ),
  ];
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    serialNumber: `urn:uuid:${await uuidOf(`${version} ${facts.commit} ${program.arch} ${program.kind}`)}`,
    version: 1,
    metadata: { timestamp: new Date(facts.time * 1000).toISOString().slice(0, 19) + "Z", component: main },
    components,
    dependencies: [
      {
        ref: main["bom-ref"],
        dependsOn: components.map((part) => part["bom-ref"]).filter((ref) => ref !== `v8@${v8}`),
      },
      { ref: `deno@${deno}`, dependsOn: [`v8@${v8}`] },
    ],
  };
  return JSON.stringify(document, null, 2) + "\n";
}
