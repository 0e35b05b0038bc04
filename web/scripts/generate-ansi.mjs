// src/app/styles/ansi.css: the 256 colours of terminals. The first 16 are tokens of log.css; the others are moved in
// lightness until they can be read (4.6:1) on the log's grounds of each theme.
import { writeFileSync } from 'node:fs';

const grounds = {
  light: [
    [255, 255, 255],
    [255, 243, 196],
  ],
  dark: [
    [15, 17, 19],
    [58, 50, 16],
  ],
};
const towards = { light: [0, 0, 0], dark: [255, 255, 255] };

const linear = (channel) => {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};
const luminance = ([red, green, blue]) =>
  0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
const contrast = (a, b) => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};
const mixed = (colour, target, share) =>
  colour.map((channel, k) => Math.round(channel + (target[k] - channel) * share));
const hex = (colour) => `#${colour.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;

function readable(colour, theme) {
  for (let share = 0; share < 1; share += 0.04) {
    const candidate = mixed(colour, towards[theme], share);
    if (grounds[theme].every((ground) => contrast(candidate, ground) >= 4.6)) return hex(candidate);
  }
  return hex(towards[theme]);
}

function xterm(n) {
  if (n >= 232) return Array(3).fill(8 + 10 * (n - 232));
  const level = (x) => (x === 0 ? 0 : 55 + 40 * x);
  return [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map(level);
}

const rules = ['/* Made by scripts/generate-ansi.mjs. */'];
for (let n = 0; n < 16; n += 1) {
  rules.push(
    `.log .ansi-fg-${n}{color:var(--ansi-${n})}.log .ansi-bg-${n}{background:var(--ansi-${n});color:var(--log-ground)}`,
  );
}
for (let n = 16; n < 256; n += 1) {
  const [light, dark] = [readable(xterm(n), 'light'), readable(xterm(n), 'dark')];
  const ink = luminance(xterm(n)) > 0.18 ? '#000' : '#fff';
  rules.push(
    `.log .ansi-fg-${n}{color:${light}}.log .ansi-bg-${n}{background:${hex(xterm(n))};color:${ink}}`,
  );
  if (dark !== light) rules.push(`[data-theme=dark] .log .ansi-fg-${n}{color:${dark}}`);
}
writeFileSync(new URL('../src/app/styles/ansi.css', import.meta.url), `${rules.join('\n')}\n`);
