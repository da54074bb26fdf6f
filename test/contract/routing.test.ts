import { afterAll, describe, expect, it } from 'vitest';
import { RawConnection, rawRequest } from './http/raw.js';
import { type Answer, SERVERS } from './routing/servers.js';
import { hostileTargets } from './routing/targets.js';

/** Sends all targets, each on the connection of the one before where that is still good. */
async function answersOf(origin: string, targets: readonly string[]): Promise<readonly (Answer | undefined)[]> {
  let connection: RawConnection | undefined;
  const answers: (Answer | undefined)[] = [];
  for (const target of targets) {
    connection ??= new RawConnection(origin);
    await connection.write(rawRequest(target));
    const { status, body } = await connection.read();
    answers.push(status === 200 || status === 404 ? (JSON.parse(body) as Answer) : undefined);
    if (status === 200 || status === 404) continue;
    connection.close();
    connection = undefined;
  }
  connection?.close();
  return answers;
}

describe('of each hostile target, the counter that is charged is that of the handler that runs', () => {
  const targets = hostileTargets();
  const rows = [
    '| server | targets | a handler ran | charged, no handler | before the limiter | wrong counter |',
    '| ------ | ------: | ------------: | ------------------: | -----------------: | ------------: |',
  ];

  it.each(SERVERS)('$name', async ({ name, start }) => {
    const running = await start();
    try {
      const answers = await answersOf(running.origin, targets);
      const handled = answers.filter((answer) => answer?.ran !== undefined).length;
      const charged = answers.filter((answer) => answer?.ran === undefined && answer?.charged?.category).length;
      const wrong = answers.flatMap((answer, index) => {
        if (answer?.ran === undefined) return [];
        const { ran, account, subject, charged } = answer;
        const { leg, bridge } = charged?.subjects ?? {};
        // A parameter that is empty names no account, and no leg or bridge.
        const isRight =
          charged?.category === ran &&
          (charged.account ?? '') === account &&
          (leg ?? bridge ?? '') === (subject ?? '') &&
          charged.ids.join() === (subject ?? '');
        return isRight ? [] : [{ target: targets[index], ...answer }];
      });
      expect(wrong).toEqual([]);
      expect(handled).toBeGreaterThan(50);
      expect(answers.filter((answer) => answer?.ran !== undefined && answer.subject).length).toBeGreaterThan(50);
      const unseen = targets.length - handled - charged;
      rows.push(`| ${name} | ${targets.length} | ${handled} | ${charged} | ${unseen} | ${wrong.length} |`);
    } finally {
      await running.close();
    }
  });

  afterAll(() => console.log(rows.join('\n')));
});
