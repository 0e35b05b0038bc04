// The mock panel and Vite's server with hot reload, together; PANEL_URL talks to a real panel instead.
import { spawn } from 'node:child_process';
import { createServer } from 'vite';

const mock = process.env.PANEL_URL ? null : spawn('node', ['mock/server.mjs'], { stdio: 'inherit' });
const server = await createServer();
await server.listen();
server.printUrls();
process.on('SIGINT', async () => {
  mock?.kill();
  await server.close();
  process.exit(0);
});
