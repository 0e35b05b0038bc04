// Jobs that tests and pictures ask for by name.
const id = (n) => `01990000-0000-7000-8000-${String(n).padStart(12, '0')}`;

export const known = {
  live: id(1),
  failed: id(2),
  big: id(3),
  retry: id(4),
  offline: id(5),
  queued: id(6),
  hostile: id(7),
  succeeded: id(8),
  canceled: id(9),
  lost: id(10),
  burst: id(11),
  again: id(12),
  drained: id(13),
  // There once a crowd was asked for: crowd.mjs.
  crowded: id(14),
};
