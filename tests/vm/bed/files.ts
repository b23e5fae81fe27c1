/**
 * Which tests are run inside the test machine.
 * @module
 */

const HERE = new URL("..", import.meta.url).pathname;

/** Files of tests/integration whose subject is another on cgroup v2, under systemd, or with AppArmor. */
const INTEGRATION: readonly string[] = [
  "systemd_test.ts",
  "cgroup_v2_test.ts",
  "cgroup_v2_faults_test.ts",
  "cgroup_v2_files_test.ts",
  "low_limits_test.ts",
  "update_test.ts",
  "pause_test.ts",
  "devices_test.ts",
  "checkpoint_test.ts",
  "checkpoint_kinds_test.ts",
  "checkpoint_pages_test.ts",
];

/** Files of tests/clients that need this machine's criu. */
const CLIENTS: readonly string[] = ["docker_checkpoint_test.ts", "podman_checkpoint_test.ts"];

/** Paths below the top: all of tests/vm, then the chosen ones. */
export function testFiles(): string[] {
  const own = [...Deno.readDirSync(HERE)].map(({ name }) => name).filter((name) => name.endsWith("_test.ts"))
    .sort();
  return [
    ...own.map((name) => `tests/vm/${name}`),
    ...INTEGRATION.map((name) => `tests/integration/${name}`),
    ...CLIENTS.map((name) => `tests/clients/${name}`),
  ];
}
