// Keys of the keyboard.

// The letter of a key, also on a keyboard of another script and while Korean is typed.
export function letterOf(event) {
  return /^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key) ? event.code[3].toLowerCase() : event.key.toLowerCase();
}
