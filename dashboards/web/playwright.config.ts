import { defineConfig } from '@playwright/test';

// The app as some server serves it; see README.md.
export default defineConfig({
  testDir: 'e2e',
  timeout: 60_000,
  // Servers that were built for debugging take their time.
  expect: { timeout: 20_000 },
  fullyParallel: false,
  workers: 1,
  // A browser beside a server on two cores may come late once; what passes at the second try is named as flaky.
  retries: process.env.CI === undefined ? 0 : 1,
  reporter: 'list',
  use: {
    baseURL: process.env.OBSERVATORY_URL ?? 'http://127.0.0.1:8036',
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
  },
  projects: [
    { name: 'first-run', testMatch: 'first-run.ts' },
    // On what the first run has made.
    { name: 'journeys', testMatch: '*.journey.ts', dependencies: ['first-run'] },
    { name: 'shots', testMatch: 'shots.ts', use: { trace: 'off' } },
    { name: 'frames', testMatch: 'frames.ts' },
  ],
});
