import react from "@vitejs/plugin-react";

// The package brings WebAssembly beside its JavaScript; Vite's development server finds it where it is not bundled ahead.
export default { plugins: [react()], optimizeDeps: { exclude: ["everwire"] } };
