import type { Command } from 'commander';
import { addPolicyCheck } from './policy-check.js';
import { addPolicyExplain } from './policy-explain.js';

/** Adds `policy` and what can be done with one. */
export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').helpCommand(false).description('policies in files');
  addPolicyCheck(policy);
  addPolicyExplain(policy);
}
