//! Byte strings as text: the `\xNN` form of the JSON report and of the scenario files, both ways.
//!
//! Written for the tests on its own, so that a name that the library's escaping loses cannot be lost here in the same way.

/// Returns `bytes` as plain ASCII: a backslash doubled, everything else that is not a visible character as `\xNN`.
pub fn escape(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| escape_byte(byte)).collect()
}

fn escape_byte(byte: u8) -> String {
    match byte {
        b'\\' => "\\\\".to_owned(),
        0x21..=0x7e => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

/// Returns the bytes that `text` stands for: `\\` and `\xNN` are undone, all other characters are their own UTF-8.
///
/// Panics on any other use of a backslash: a report must not contain one.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..start]);
        let (byte, after) = unescape_one(&rest[start + 1..]);
        bytes.push(byte);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Reads what follows a backslash; returns its byte and the text behind it.
fn unescape_one(text: &str) -> (u8, &str) {
    if let Some(after) = text.strip_prefix('\\') {
        return (b'\\', after);
    }
    let digits = text.strip_prefix('x').and_then(|hex| hex.get(..2));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (byte.unwrap_or_else(|| panic!("not an escape: \\{text}")), &text[3..])
}
