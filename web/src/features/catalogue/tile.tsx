/** An installer's picture, or its first letters in the colour of its category. */
export function Tile({ name, icon, category }: { name: string; icon: string | null; category: string }) {
  const hue = [...category].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 6;
  return (
    <span className="tile" data-hue={hue} aria-hidden="true">
      {icon ? <img src={icon} alt="" /> : name.replaceAll(/[^\p{L}\p{N}]/gu, '').slice(0, 2)}
    </span>
  );
}
