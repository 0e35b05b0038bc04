// The fixed grammars of email, hostname, ip, url and path (C-TYPE-6 to C-TYPE-10); the twin of
// src/contract/input_types.cpp.
import type { InputType } from './input';

const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const digits = /^[0-9]+$/;

export function isHostname(value: string): boolean {
  if (value.length === 0 || value.length > 253) return false;
  const labels = value.split('.');
  return labels.every((part) => label.test(part)) && !digits.test(labels.at(-1)!);
}

export function isIpv4(value: string): boolean {
  const parts = value.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
  );
}

export function isIpv6(value: string): boolean {
  if (value.length > 45) return false;
  const halves = value.split('::');
  if (halves.length > 2) return false;
  const sides = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = sides.flat();
  const last = groups.at(-1);
  let count = groups.length;
  if (last?.includes('.')) {
    if (!isIpv4(last) || sides.at(-1)!.length === 0) return false;
    groups.pop();
    count += 1;
  }
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}

export function isEmail(value: string): boolean {
  const at = value.indexOf('@');
  if (at < 1 || at > 64 || value.length > 254) return false;
  const local = value.slice(0, at);
  const atoms = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;
  return atoms.test(local) && isHostname(value.slice(at + 1));
}

const userInfo = /^([A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*$/;
const tail = /^([A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*$/;

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65535;
}

function isAuthority(authority: string): boolean {
  const at = authority.lastIndexOf('@');
  if (at >= 0 && !userInfo.test(authority.slice(0, at))) return false;
  const rest = authority.slice(at + 1);
  const split = /^(\[[^\]]*\]|[^:]*)(:.*)?$/.exec(rest);
  if (split === null) return false;
  const [, host = '', port] = split;
  if (port !== undefined && !isPort(port.slice(1))) return false;
  return host.startsWith('[') ? isIpv6(host.slice(1, -1)) : isIpv4(host) || isHostname(host);
}

export function isUrl(value: string): boolean {
  const split = /^([a-z][a-z0-9+.-]{0,31}):\/\/([^/?#]*)([^#]*)(?:#(.*))?$/s.exec(value);
  if (split === null) return false;
  const [, , authority = '', path = '', fragment = ''] = split;
  return isAuthority(authority) && tail.test(path) && tail.test(fragment);
}

export const byteLength = (text: string) => new TextEncoder().encode(text).length;

export function isAbsolutePath(value: string): boolean {
  if (!value.startsWith('/') || byteLength(value) > 4095) return false;
  if (value === '/') return true;
  return value
    .slice(1)
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && byteLength(part) <= 255);
}

interface Grammar {
  fits: (value: string) => boolean;
  sentence: string;
}

export const grammars: Partial<Record<InputType, Grammar>> = {
  email: { fits: isEmail, sentence: 'must be an e-mail address such as admin@example.org' },
  hostname: { fits: isHostname, sentence: 'must be a host name such as db1.example.org' },
  ip: { fits: isIpv4OrIpv6, sentence: 'must be an IPv4 or IPv6 address such as 192.0.2.10 or 2001:db8::1' },
  url: { fits: isUrl, sentence: 'must be a URL with a host such as https://example.org/path' },
  path: {
    fits: isAbsolutePath,
    sentence: "must be an absolute path such as /var/lib/app, without '.', '..', '//' or a '/' at the end",
  },
};

function isIpv4OrIpv6(value: string): boolean {
  return isIpv4(value) || isIpv6(value);
}

/** C-RULE-8: no NUL or control characters but tab, and newline in `text` only; no half of a surrogate pair. */
export function hasOnlyAllowedCharacters(type: InputType, value: string): boolean {
  if (!value.isWellFormed()) return false;
  const refused = type === 'text' ? /[\0-\x08\x0b-\x1f\x7f-\x9f]/ : /[\0-\x08\x0a-\x1f\x7f-\x9f]/;
  return !refused.test(value);
}
