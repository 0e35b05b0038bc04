// Logs as installers write them: groups, colours, progress, warnings, and some that mean harm.
const esc = '\u001b[';
const paint = (code, text) => `${esc}${code}m${text}${esc}0m`;
const packages = [
  'libpq5',
  'postgresql-common',
  'ssl-cert',
  'libllvm19',
  'libxslt1.1',
  'sysstat',
  'libjson-perl',
  'locales',
  'ca-certificates',
  'logrotate',
];

/** Line `i` of an installation that never gets bored. */
export function packageLine(i) {
  const name = packages[i % packages.length];
  const kind = i % 23;
  if (kind === 0)
    return ['out', `${paint('1;36', `==> ${name}`)} ${paint('2', `(${Math.floor(i / 23) + 1})`)}`];
  if (kind === 7)
    return [
      'out',
      `Get:${i} http://deb.debian.org/debian bookworm/main amd64 ${paint('32', name)} amd64 ${(i * 37) % 900} kB`,
    ];
  if (kind === 11)
    return [
      'err',
      `${paint('33', 'W:')} ${name}: configuration file '/etc/${name}.conf' differs, the local one is kept`,
    ];
  if (kind === 19)
    return [
      'out',
      `${paint('38;5;208', 'progress')} ${paint('38;2;120;180;255', '█'.repeat(i % 30) + '░'.repeat(30 - (i % 30)))} ${(i % 30) * 3}%`,
    ];
  return [
    'out',
    `Unpacking ${name}:amd64 (17.6-1+${i % 9}) over (17.5-1) ${'.'.repeat(i % 40)} ${paint('32', 'ok')}`,
  ];
}

export const phases = [
  'Check the server',
  'Add the package repository',
  'Install packages',
  'Write the configuration',
  'Start and verify',
];

/** The log of a whole run; `until` phases are done, and the rest never begins. */
export function runLog(linesEach, until = phases.length) {
  const lines = [];
  for (const phase of phases.slice(0, until)) {
    lines.push(['out', `::group ${phase}`]);
    for (let k = 0; k < linesEach; k += 1) lines.push(packageLine(lines.length));
    lines.push(['out', '::endgroup']);
  }
  return lines;
}

export const failureTail = [
  ['err', `${paint('1;31', 'E:')} dpkg: error processing package postgresql-17 (--configure):`],
  [
    'err',
    ' installed postgresql-17 package post-installation script subprocess returned error exit status 1',
  ],
  ['err', `nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)`],
  ['err', paint('31', 'The service did not start.')],
];

export const hostileLog = [
  ['out', '<script>alert(1)</script><img src=x onerror=alert(1)>'],
  ['out', `${esc}2J${esc}H${esc}?1049hcleared?`],
  ['out', `\u001b]0;new title\u0007title`],
  ['out', `\u001b]8;;javascript:alert(1)\u001b\\link\u001b]8;;\u001b\\`],
  ['out', `${esc}38;2;1;1;1m${esc}48;2;2;2;2mnearly invisible${esc}0m`],
  ['out', `right-to-left \u202e txt.exe \u202c and back`],
  ['out', '\u0000\u0001\u0002 control characters \u007f'],
  ['out', 'progress 10%\rprogress 50%\rprogress 100%'],
  ['out', `zalgo: ${'a\u0301\u0302\u0303\u0304\u0305'.repeat(20)}`],
  ['out', `${esc}${'9'.repeat(400)}m many parameters`],
  ['err', 'x'.repeat(20_000)],
  ['out', '::group </span><b>bold group</b>'],
  ['out', 'inside'],
  ['out', '::endgroup'],
  ['out', '日本語 العربية עברית 😀'],
];
