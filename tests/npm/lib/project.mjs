// A project of its own for each case, with the packed tarball installed in it as a user would. It stands below `tests/npm`, so that
// bundlers and frameworks are found there, and Everwire only where it was installed.

import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL("..", import.meta.url));
export const root = join(here, "../..");
const work = join(here, "projects");

/** The value of an environment variable that the run cannot do without. */
export function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by \`cargo xtask test --only npm\``);
  return value;
}

/** Runs a program to its end; what it said is thrown when it fails. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 300_000, ...options });
    let said = "";
    child.stdout.on("data", data => (said += data));
    child.stderr.on("data", data => (said += data));
    child.on("error", reject);
    child.on("close", code => {
      if (code === 0) resolve(said);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${said.slice(-3_000)}`));
    });
  });
}

/** An executable of `tests/npm/node_modules`. */
export const tool = name => join(here, "node_modules/.bin", name);

/** The version of a package there. */
export const version = async name => JSON.parse(await readFile(join(here, "node_modules", name, "package.json"), "utf8")).version;

/** Makes a project anew: the files of a folder, what all pages share, and those given by name; then installs the tarball. */
export async function project(name, { from, files = {} } = {}) {
  const folder = join(work, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (from) {
    const filter = path => !path.includes("node_modules") && !path.endsWith("dist");
    await cp(from, folder, { recursive: true, filter });
  }
  await cp(join(here, "shared/exchange.js"), join(folder, "exchange.js"));
  // What an example names for its own installation is here already.
  const manifest = { "package.json": '{ "private": true, "type": "module" }\n' };
  for (const [path, text] of Object.entries({ ...manifest, ...files })) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const declared = files["package.json"];
  if (declared) await writeFile(join(folder, "package.json"), manifest["package.json"]);
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error"];
  await run("npm", ["install", needed("EVERWIRE_TARBALL"), "--prefix", folder, "--install-links", "--legacy-peer-deps", ...quiet], { cwd: folder });
  if (declared) await writeFile(join(folder, "package.json"), declared);
  return folder;
}

/** The names of all files below a folder. */
export async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
}
