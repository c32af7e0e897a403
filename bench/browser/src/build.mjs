// The page's files in a folder: the clients bundled as an app would ship them, Everwire beside them.

import { build } from "esbuild";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";

export async function buildPage(out) {
  const here = join(import.meta.dirname, "..");
  await mkdir(out, { recursive: true });
  await cp(join(here, "page/index.html"), join(out, "index.html"));
  await cp(join(here, "../../pkg/dist"), join(out, "everwire"), { recursive: true });
  await build({
    entryPoints: [join(here, "page/page.js")],
    outdir: out,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["/everwire/*"],
  });
}
