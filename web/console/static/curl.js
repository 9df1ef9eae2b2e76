// A call to mask as a command of curl.

function shellQuote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

// name: of the file; regions: pairs of a field and its JSON; format: of the result.
export function curlCommand(url, name, regions, format) {
  return [
    'curl -f -H "X-API-Key: $FACE_API_KEY"',
    `-F ${shellQuote(`image=@${name}`)}`,
    ...regions.map(([field, text]) => `--form-string ${shellQuote(`${field}=${text.replace(/\s+/g, " ")}`)}`),
    shellQuote(url),
    `-o masked.${format === "jpeg" ? "jpg" : format}`,
  ].join(" \\\n  ");
}
