import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '../..');

describe('npm test', () => {
  it('names a check or an option that does not exist, and lists the checks', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['scripts/bootstrap.mjs', 'scripts/test.ts', 'types', 'nosuch', '--verbos'],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect([status, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(
      /^no check has "nosuch" in its name\n--verbos: there is no such option, only --verbose\nThe checks are:\n/,
    );
    expect(stderr).to.contain('\n  types\n');
  });
});
