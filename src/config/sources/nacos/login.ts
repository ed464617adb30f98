import type { Milliseconds } from '../../../domain/time.ts';

const timeout: Milliseconds = 3_000;
/** Of Nacos 3, and of 1 and 2: the newer one first. */
const paths = ['/nacos/v3/auth/user/login', '/nacos/v1/auth/users/login', '/nacos/v1/auth/login'] as const;

/**
 * The token for a user's requests; logging in is HTTP in every version.
 *
 * @throws Error that says what Nacos answered, without the password
 */
export async function login(
  address: string,
  user: { readonly username: string; readonly password: string },
  signal: AbortSignal,
): Promise<string> {
  let said = 'no answer';
  for (const path of paths) {
    const response = await fetch(`http://${address}${path}`, {
      method: 'POST',
      body: new URLSearchParams(user),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    });
    const text = await response.text();
    if (response.ok) {
      const token = tokenIn(text);
      if (token !== undefined) return token;
    }
    said = `${response.status} ${text.slice(0, 200)}`;
    // Only what is not there is looked for elsewhere: a wrong password tried three times can lock a user out.
    if (![404, 405, 410, 501].includes(response.status)) break;
  }
  throw new Error(`the login as ${user.username} failed: ${said}`);
}

function tokenIn(text: string): string | undefined {
  try {
    const answer = JSON.parse(text) as { accessToken?: unknown; data?: { accessToken?: unknown } };
    const token = answer.accessToken ?? answer.data?.accessToken;
    return typeof token === 'string' && token !== '' ? token : undefined;
  } catch {
    return undefined;
  }
}
