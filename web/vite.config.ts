import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, URL } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = fileURLToPath(new URL("../src/tensorfleet/gateway/web", import.meta.url));
const TEXT = /\.(js|css|html|svg|json|webmanifest)$/;
const WORTH_BYTES = 1024;

/** Writes each text file once more with brotli and gzip, so that the gateway never compresses anything. */
function compressed(): Plugin {
  let folder = OUT;
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const text = await readFile(path);
        if (text.length < WORTH_BYTES) continue;
        await writeFile(`${path}.gz`, gzipSync(text, { level: 9 }));
        const quality = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        await writeFile(`${path}.br`, brotliCompressSync(text, { params: quality }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: process.env.TENSORFLEET_WEB_OUT ?? OUT,
    emptyOutDir: true,
    sourcemap: false,
    target: "es2022",
    chunkSizeWarningLimit: 700,
    // Data addresses would need "data:" in the policy for scripts and fonts.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // One file for each language, not one for each feature.
          groups: [
            { name: "texts-en", test: /locales\/en\.json$/ },
            { name: "texts-de", test: /locales\/de\.json$/ },
          ],
        },
      },
    },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ["/api", "/health", "/metrics", "/sign-in", "/worker-activity"].map((path) => [
        path,
        // The gateway compares where a request comes from with the host that it is for.
        { target: process.env.TENSORFLEET_URL ?? "http://127.0.0.1:8080", changeOrigin: false },
      ]),
    ),
  },
});
