// Dark, light, or as the system is. public/theme.js does the same before the first paint.
export type Theme = 'system' | 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');
let current: Theme = 'system';

function apply() {
  const dark = current === 'dark' || (current === 'system' && system.matches);
  document.documentElement.classList.toggle('pf-v6-theme-dark', dark);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

system.addEventListener('change', apply);

export function setTheme(theme: Theme) {
  current = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Storage is off: the theme holds until the next load.
  }
  apply();
}
