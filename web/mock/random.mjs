// The same numbers at every start, so that pictures and tests can be compared.
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const pick = (random, items) => items[Math.floor(random() * items.length)];
export const digestOf = (text) =>
  `sha256:${[...text]
    .reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 7)
    .toString(16)
    .padStart(8, '0')
    .repeat(8)}`;

let made = 0;
/** A UUIDv7 of that time. */
export function uuid(at = Date.now()) {
  made += 1;
  const time = Math.floor(at).toString(16).padStart(12, '0');
  const count = made.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count}`;
}
export const iso = (ms) => (ms === null || ms === undefined ? null : new Date(ms).toISOString());
