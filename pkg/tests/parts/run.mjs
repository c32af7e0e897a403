// Runs tests one after another, and says how they went as `cargo test` does.

/** Runs functions by their names. */
export async function runAll(tests) {
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`test ${name} ... ok`);
    } catch (error) {
      failed++;
      console.log(`test ${name} ... FAILED\n${error.stack}`);
    }
  }
  const count = Object.keys(tests).length;
  console.log(`test result: ${failed ? "FAILED" : "ok"}. ${count - failed} passed; ${failed} failed; 0 ignored`);
  process.exitCode = failed ? 1 : 0;
}
