// Before the first paint, so that a dark page never flashes white. src/app/theme.ts does the same later.
(() => {
  let theme = 'system';
  try {
    theme = localStorage.getItem('theme') ?? 'system';
  } catch {
    // Storage is off: the system's choice it is.
  }
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('pf-v6-theme-dark', dark);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
