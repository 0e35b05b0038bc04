// Generated passwords.
import { checkValue } from './check';
import type { Input } from './input';

const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_';

function randomText(length: number, random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(new Uint8Array(length))) {
      // 240 is a multiple of the alphabet's 60 letters: no letter is likelier than another.
      if (byte < 4 * alphabet.length && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

/** A password that keeps the input's own rules; null where none of some tries does. */
export function generatePassword(
  input: Input,
  random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): string | null {
  const { min_length: least = 8, max_length: most = 4096 } = input.validation ?? {};
  const length = Math.min(Math.max(24, least), most);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const candidate = randomText(length, random);
    if (checkValue(input, candidate).errors.length === 0) return candidate;
  }
  return null;
}
