import vue from "@vitejs/plugin-vue";

// The package brings WebAssembly beside its JavaScript; Vite's development server finds it where it is not bundled ahead.
export default { plugins: [vue()], optimizeDeps: { exclude: ["everwire"] } };
