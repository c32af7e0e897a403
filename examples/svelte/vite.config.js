import { svelte } from "@sveltejs/vite-plugin-svelte";

// The package brings WebAssembly beside its JavaScript; Vite's development server finds it where it is not bundled ahead.
export default { plugins: [svelte()], optimizeDeps: { exclude: ["everwire"] } };
