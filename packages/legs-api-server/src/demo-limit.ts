import { type Call, claim, show } from './demo-client.js';

/** The first scene: an account runs into its limit of 100 a minute, and nothing else does. */
export async function showLimit(call: Call): Promise<void> {
  console.log('1. The limit: 100 requests in any rolling minute, per account and category.\n');
  for (let number = 1; number <= 100; number++) {
    const admitted = await call('POST', 'ameyo5m/legs');
    claim(admitted.status === 202, `request ${number} of 100 to be admitted`, admitted);
  }
  console.log('   POST /v2/accounts/ameyo5m/legs, 100 times: 100 admitted, each with 202.');

  const refused = await call('POST', 'ameyo5m/legs');
  claim(refused.status === 429, 'request 101 to be refused', refused);
  claim(refused.headers.get('x-ratelimit-remaining') === '0', 'no room to remain', refused);
  claim(ENVELOPE.test(refused.body), 'the envelope of a refusal', refused);
  console.log(`   Request 101 is refused:\n\n${show(refused)}\n`);

  const otherKey = await call('POST', 'ameyo5m/legs', 'second-key');
  claim(otherKey.status === 429, 'another key of the account to be refused', otherKey);
  console.log('   Another API key of the same account: 429. The limit is the account’s.');

  const otherCategory = await call('POST', 'ameyo5m/bridges');
  claim(otherCategory.status === 202, 'another category to be untouched', otherCategory);
  console.log('   POST /v2/accounts/ameyo5m/bridges, another category: 202.');

  const otherAccount = await call('POST', 'other1m/legs');
  claim(otherAccount.status === 202, 'another account to be untouched', otherAccount);
  claim(otherAccount.headers.get('x-ratelimit-remaining') === '99', '99 requests to remain', otherAccount);
  console.log('   POST /v2/accounts/other1m/legs, another account: 202, with 99 left.\n');
}

const ENVELOPE =
  /^\{"request_id":"[0-9a-f]{32}","http_code":429,"response":\{"error":\{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded\. Please retry after some time\."\}\}\}$/;
