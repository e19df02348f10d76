//! What no run of the binary may do, whatever it is given.

use crate::common::run::Outcome;

/// An error is one line `layerlens: …`, then perhaps a hint; nothing on stdout.
pub fn wrong_in_message(outcome: &Outcome) -> Option<String> {
    let text = String::from_utf8_lossy(&outcome.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let clear = match lines.as_slice() {
        [message] => message.starts_with("layerlens: "),
        [message, hint] => message.starts_with("layerlens: ") && hint.starts_with("hint: "),
        _ => false,
    };
    (!clear || !outcome.stdout.is_empty()).then(|| format!("no clear message: {outcome}"))
}

/// What no run may ever do, whatever it is given.
pub fn wrong_in_general(outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    if stderr.contains("panicked at") || outcome.code.is_none() || outcome.code == Some(101) {
        wrong.push(format!("panicked, was killed or ran out of time: {outcome}"));
    }
    if !outcome.left.is_empty() || outcome.left_temporary {
        wrong.push(format!("left something behind: {:?}", outcome.left));
    }
    for (stream, bytes) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        wrong.extend(raw_characters(bytes).map(|found| format!("{stream} has {found}")));
    }
    wrong
}

/// Returns the first character that could fool a terminal, with what stands around it.
pub fn raw_characters(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("bytes that are no UTF-8".to_owned()) };
    let (at, character) = text.char_indices().find(|(_, character)| is_dangerous(*character))?;
    let around: String = text[at..].chars().take(20).collect();
    Some(format!("a raw {character:?} at byte {at}: {around:?}"))
}

fn is_dangerous(character: char) -> bool {
    let bidi_or_invisible =
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    bidi_or_invisible || character.is_control() && character != '\n' && character != '\t'
}
