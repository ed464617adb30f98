import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function installed(): string | undefined {
  const named = process.env.CHROMIUM_BIN;
  return (named ? [named] : candidates).find(path => existsSync(path));
}

/** For node:test's `skip`: false where Chromium is there. */
export function browserSkip(): string | false {
  return installed() !== undefined
    ? false
    : 'Chromium is not installed: install the package chromium, or set CHROMIUM_BIN';
}

/** A real browser that asks nothing of the network by itself. */
export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: installed() ?? '',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
