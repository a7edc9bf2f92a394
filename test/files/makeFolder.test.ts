import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeFolder } from '../../src/files/makeFolder.ts';

describe('making a folder', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'assay-folder-'));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  it('makes those above it that are missing, and leaves one that is there', () => {
    const folder = join(base, 'a', 'b', 'c');
    makeFolder(folder);
    makeFolder(folder);
    expect(statSync(folder).isDirectory()).to.equal(true);
  });

  it('says that a file is in its place, or in that of one above it', () => {
    writeFileSync(join(base, 'file'), '');
    expect(() => makeFolder(join(base, 'file'))).to.throw(/EEXIST/);
    expect(() => makeFolder(join(base, 'file', 'a'))).to.throw(/EEXIST|ENOTDIR/);
  });

  it('ends where no folder can be made in one that is there', function () {
    if (!existsSync('/proc/self')) this.skip();
    expect(() => makeFolder('/proc/nothing/here')).to.throw(/ENOENT/);
  });
});
