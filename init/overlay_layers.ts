/**
 * Overlays of so many layers that mount(2) cannot take their names: each layer becomes an option of its own.
 *
 * Sources: Documentation/filesystems/overlayfs.rst (`lowerdir+`, `datadir+`: Linux 6.7), fs/overlayfs/params.c.
 * @module
 */

/** Bytes of options that mount(2) takes. */
const PAGE = 4095;

/** Whether the options name so many layers that mount(2) does not take them. */
export function hasManyLayers(type: string, options: readonly string[]): boolean {
  return type === "overlay" && new TextEncoder().encode(options.join(",")).length > PAGE &&
    options.some((option) => option.startsWith("lowerdir="));
}

/** The options with `lowerdir` as one option for each layer, which takes a path as it is. */
export function layerOptions(options: readonly string[]): string[] {
  return options.flatMap((option) => option.startsWith("lowerdir=") ? layersOf(option.slice(9)) : [option]);
}

/** Layers are separated by a colon, the data-only ones behind them by two; a backslash takes a colon's meaning away. */
function layersOf(text: string): string[] {
  const parts = text.match(/::|:|(?:\\.|[^:])+/gs) ?? [];
  let key = "lowerdir+";
  return parts.flatMap((part) => {
    if (part === "::") key = "datadir+";
    if (part === ":" || part === "::") return [];
    return [`${key}=${part.replace(/\\(.)/gs, "$1")}`];
  });
}
