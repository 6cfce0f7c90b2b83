/**
 * The one way in which text is compared without regard to case: lower case in Unicode's composed
 * form (NFC), so that what looks equal is equal. The directory's indexes hold folded text, so a change
 * here asks for them to be built anew. Idempotent; the result holds no U+0000, and a prefix of a text
 * folds to a prefix of the folded text as long as it does not end inside a composed character.
 */
export function foldCase(text: string): string {
  if (isPlain(text)) return text.toLowerCase();
  // The final sigma is lower case that depends on what follows: it would break prefixes.
  return text.toLowerCase().replaceAll('ς', 'σ').replaceAll('\0', '\u{FFFD}').normalize('NFC');
}

function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || unit > 0x7f) return false;
  }
  return true;
}
