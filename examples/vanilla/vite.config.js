// The package brings WebAssembly beside its JavaScript; Vite's development server finds it where it is not bundled ahead.
export default { plugins: [], optimizeDeps: { exclude: ["everwire"] } };
