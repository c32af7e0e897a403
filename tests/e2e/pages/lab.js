// Clients of the JavaScript surface, by name, each with what it got: what the tests drive.
// Only this file knows how the surface spells things.

import init, * as surface from "./everwire_js.js";
import { Recorder } from "./recorder.js";

export async function lab() {
  await init();
  return {};
}
