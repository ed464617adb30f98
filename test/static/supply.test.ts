import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAllowed } from '../../scripts/supply/licences.ts';
import { readPackages } from '../../scripts/supply/packages.ts';

const cwd = fileURLToPath(new URL('../../', import.meta.url));

describe('what is shipped', () => {
  const packages = readPackages();

  it('has allowed licences', () => {
    assert.ok(packages.length > 100, `${packages.length}`);
    assert.deepEqual(
      packages.filter(({ licence }) => !isAllowed(licence)),
      [],
    );
  });

  it('would be refused with another licence', () => {
    for (const licence of ['GPL-3.0', 'MIT AND GPL-2.0', 'none named', 'SEE LICENSE IN x']) {
      assert.equal(isAllowed(licence), false, licence);
    }
    assert.ok(isAllowed('(GPL-2.0 OR MIT)'));
  });

  it('has a bill of materials as CycloneDX, with every dependency of package.json', () => {
    const text = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
    const { bomFormat, components } = JSON.parse(text) as { bomFormat: string; components: { name: string }[] };
    assert.equal(bomFormat, 'CycloneDX');
    const listed = new Set(components.map(({ name }) => name));
    const { dependencies } = JSON.parse(execFileSync('cat', ['package.json'], { cwd, encoding: 'utf8' }));
    assert.deepEqual(
      Object.keys(dependencies).filter(name => !listed.has(name.split('/').at(-1) ?? '') && !listed.has(name)),
      [],
    );
  });
});
