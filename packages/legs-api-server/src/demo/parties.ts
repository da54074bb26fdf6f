import { admitted, type Call, claim, type Received, refused } from './client.js';

/** A leg has a limit of its own, a call reserves minutes, and a wrong token is charged to its address and its key. */
export async function showParties(call: Call, wrong: Call): Promise<void> {
  console.log(
    '6. Parties: each leg may have 3 actions a minute, calls 25 minutes an hour, and wrong tokens are counted.\n',
  );
  const [one, other] = [sidOf(await admitted(call, LEGS, 'a leg')), sidOf(await admitted(call, LEGS, 'another leg'))];
  for (let number = 1; number <= 3; number++) await admitted(call, `${LEGS}/${one}/actions`, `action ${number} of 3`);
  await refused(call, `${LEGS}/${one}/actions`, 'action 4 on the leg');
  await admitted(call, `${LEGS}/${other}/actions`, 'an action on the other leg');
  console.log(
    `   POST /v2/accounts/${LEGS}/…/actions: 3 admitted, the 4th refused by the limit of its leg; on another leg: 202.`,
  );

  await refused(call, LEGS, 'a third leg, while two have reserved 10 minutes each');
  await admitted(call, `${LEGS}/${other}/actions/hangup`, 'the end of a call');
  await admitted(call, LEGS, 'a third leg');
  console.log(
    '   Two legs have reserved 10 minutes each, and a third is refused. One hangs up, is settled at 1, and it is admitted.',
  );

  for (let number = 1; number <= 100; number++) {
    const received = await wrong('POST', LEGS);
    claim(received.status === 401, `wrong token ${number} to be refused with 401`, received);
  }
  await refused(wrong, LEGS, 'wrong token 101');
  await admitted(call, `${LEGS}/${other}/actions`, 'the right token');
  console.log(
    '   100 wrong tokens are answered with 401, and the next with 429. The right one is admitted all the while.\n',
  );
}

const LEGS = 'parties1m/legs';

function sidOf(received: Received): string {
  const { leg_sid: sid } = JSON.parse(received.body).response;
  return sid;
}
