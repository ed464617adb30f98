import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jobName } from '../../domain/job/spec/names.ts';
import { nameOf, UniqueNames } from './names.ts';

describe('names from commands', () => {
  const cases: readonly (readonly [command: string, name: string])[] = [
    ['/usr/local/bin/backup.sh --full', 'backup'],
    ['cd /srv/shop && /usr/bin/php artisan schedule:run >> /dev/null 2>&1', 'artisan-schedule-run'],
    ['test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e "sleep int(rand(43200))"', 'perl'],
    ['[ -x /usr/sbin/logrotate ] && /usr/sbin/logrotate /etc/logrotate.conf', 'logrotate'],
    ['flock -n /tmp/x.lock timeout 300 nice -n 19 ionice -c3 python3 /opt/report.py daily', 'report-daily'],
    ['FOO=1 BAR="x" /opt/app/bin/console cache:clear --env=prod', 'console-cache-clear'],
    ['sudo -u www-data php -d memory_limit=1G bin/magento cron:run', 'magento-cron-run'],
    ['mysqldump --all-databases | gzip > /backup/all.sql.gz', 'mysqldump'],
    ['docker system prune -f', 'docker-system'],
    ['bash -lc "rake db:cleanup"', 'rake-db-cleanup'],
    ['python3 -m shop.tasks sync', 'shop-tasks-sync'],
    ['python3 -c "print(1)"', 'python3'],
    ['php -v', 'php'],
    ['sleep 20; curl -fsS https://example.com/ping', 'curl'],
    ['echo "market opens"', 'echo-market-opens'],
    ['for f in *; do gzip "$f"; done', 'gzip'],
    ['%%%', 'job'],
    ['*', 'job'],
  ];
  for (const [command, name] of cases) it(command, () => assert.equal(nameOf(command), name));

  it('are always valid job names', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .array(fc.constantFrom('a', '-x', '/b.sh', '&&', '|', 'nice', 'env', 'A=1', '"ä"'))
            .map(words => words.join(' ')),
        ),
        command => {
          assert.ok(jobName.safeParse(nameOf(command)).success, nameOf(command));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('unique names', () => {
  it('keep the first, and mark later ones by their line, not by their place', () => {
    const all = (lines: string[]): Map<string, string> => {
      const names = new UniqueNames();
      return new Map(lines.map(line => [line, names.take('php', line)]));
    };
    const some = all(['a', 'b', 'c']);
    assert.equal(some.get('a'), 'php');
    assert.match(some.get('b') ?? '', /^php-[0-9a-f]{5}$/);
    assert.equal(all(['a', 'c']).get('c'), some.get('c'));
  });

  it('number lines that are equal', () => {
    const names = new UniqueNames();
    const taken = Array.from({ length: 5 }, () => names.take('x'.repeat(48), 'same'));
    assert.equal(new Set(taken).size, 5);
    assert.ok(taken.every(name => name.length <= 48 && jobName.safeParse(name).success));
  });
});
