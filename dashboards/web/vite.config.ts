import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// As the server sends it, so that what would be refused there is refused here.
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const observatory = process.env.OBSERVATORY_SERVER ?? 'http://127.0.0.1:8036';
const proxy = { '/api': observatory, '/health': observatory };

export default defineConfig({
  plugins: [react()],
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': contentSecurityPolicy } },
  // A picture inside a style sheet would need `data:` in the policy for fonts, too; files are cached as well.
  build: { assetsInlineLimit: 0, target: 'es2023' },
  test: { include: ['src/**/*.test.ts'] },
});
