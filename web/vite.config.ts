import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type ProxyOptions } from 'vite';

const panel = process.env.PANEL_URL ?? 'http://127.0.0.1:8190';

// The panel takes a change only from a page of its own address: what this server's pages ask comes from there.
const api: ProxyOptions = {
  target: panel,
  changeOrigin: true,
  configure: (proxy) =>
    proxy.on('proxyReq', (sent, asked) => {
      if (asked.headers.origin === `http://${asked.headers.host}`)
        sent.setHeader('Origin', new URL(panel).origin);
    }),
};

// The panel's policy allows neither inline scripts nor styles: nothing is inlined, no polyfill is injected.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': api } },
});
