// What was tried, as a table for the package's users. Written only when all of it went well.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./project.mjs";

const row = cells => `| ${cells.join(" | ")} |`;

export async function write(cases) {
  const bundlers = cases.filter(one => "how" in one && !one.runtime);
  const runtimes = cases.filter(one => one.runtime);
  const text = `# Where the npm package works

Written by \`cargo xtask test --only npm\`, which packs the package, installs the tarball into a project for each row, builds that, opens it in headless Chromium under a
policy without \`eval\` and inline scripts (\`script-src 'self' 'wasm-unsafe-eval'\`; Parcel and Next.js write scripts into their pages, and get
\`'unsafe-inline'\` beside it), and exchanges messages with the real server. In what was built there is exactly one \`.wasm\`, and none where the module is inside.

${row(["bundler", "version", "what to do", "works"])}
| --- | --- | --- | --- |
${bundlers.map(one => row([one.name, one.version ?? "", one.how, "yes"])).join("\n")}

${row(["runtime", "version", "transports that were used", "works"])}
| --- | --- | --- | --- |
${runtimes.map(one => row([one.runtime, one.version, one.how, "yes"])).join("\n")}

Importing any entry on a server, by \`import\` or by \`require\` (Node 20.19 and later), loads nothing and starts nothing. Servers get the module inside the
JavaScript, so that what is bundled for them needs no file beside it.
`;
  await writeFile(join(root, "docs/bundlers.md"), text);
}
