/** Users that a Unix system brings along, or that its usual packages make; but none that are programs as well (mail, git). */
const usualUsers: ReadonlySet<string> = new Set(
  `
    root nobody daemon bin sys adm www-data apache nginx http postgres redis mongodb elasticsearch
    gitlab-runner nagios icinga zabbix munin grafana influxdb rabbitmq clamav logcheck amavis uucp proxy
    gnats syslog ntp systemd-network ubuntu debian centos ec2-user vagrant pi smmsp opendkim letsencrypt
  `
    .trim()
    .split(/\s+/),
);

/**
 * Whether the job lines of a crontab name a user behind the schedule: in each there is a word that may be a user and
 * something behind it, and most of these words are users that are usual. Commands rarely look so, and never all.
 */
export function isSystemFormat(lines: readonly string[]): boolean {
  const behind = lines.flatMap(line => {
    const job = /^\s*-?(?:@\w+|[-\d*?,/~A-Za-z#]+(?:\s+[-\d*?,/~A-Za-z#]+){4})\s+(\S.*)$/.exec(line);
    return job && !/^\s*(#|\w+\s*=)/.test(line) ? [job[1] ?? ''] : [];
  });
  const users = behind.map(rest => /^([a-z_][a-z0-9_-]*\$?)\s+\S/.exec(rest)?.[1]);
  if (users.length === 0 || users.includes(undefined)) return false;
  return users.filter(user => usualUsers.has(user ?? '')).length * 2 > users.length;
}
