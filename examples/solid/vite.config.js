import solid from "vite-plugin-solid";

// The package brings WebAssembly beside its JavaScript; Vite's development server finds it where it is not bundled ahead.
export default { plugins: [solid()], optimizeDeps: { exclude: ["everwire"] } };
