/**
 * `tsrun`: an OCI container runtime. Global flags, then one command.
 * @module
 */
import { runApp } from "./runtime/cli/app.ts";

Deno.exit(await runApp(Deno.args));
