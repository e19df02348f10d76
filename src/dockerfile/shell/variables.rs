//! The words of a command where their variables are known.

use super::{Script, Simple, is_name};

impl Script {
    /// Returns the words of a command as [`Script::words`] does, variables included, as far as `variable` knows them; nothing
    /// where a word is more than text, patterns and plain variables.
    pub fn words_with(&self, command: &Simple, variable: &dyn Fn(&str) -> Option<String>) -> Option<Vec<String>> {
        if self.text_of(command).contains(['<', '>']) {
            return None;
        }
        let words = command.words.iter().map(|word| {
            let text = &self.text[word.range.clone()];
            match &word.literal {
                // A pattern in quotes is none.
                Some(literal) if literal.contains(['*', '?', '[']) && text != literal => None,
                Some(literal) => Some(literal.clone()),
                None => expanded(text, variable),
            }
        });
        words.collect()
    }
}

/// Puts the values of plain variables into a word that holds nothing else of the shell's; one with spaces in it would be
/// several words, or a pattern.
fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let mut rest = quoted.unwrap_or(text);
    let mut out = String::new();
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let (name, behind) = match behind.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => {
                behind.split_at(behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len()))
            }
        };
        let value = variable(name).filter(|_| is_name(name))?;
        if value.is_empty() || value.contains(|c: char| !(c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c))) {
            return None;
        }
        out.push_str(&value);
        rest = behind;
    }
    out.push_str(rest);
    let is_plain = !out.contains(['"', '\'', '\\', '`', '$']);
    let has_quoted_pattern = quoted.is_some() && out.contains(['*', '?', '[']);
    (is_plain && !has_quoted_pattern).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::super::Dialect;
    use super::*;

    #[test]
    fn known_variables_are_words_too() {
        let words = |text: &str| {
            let script = Script::new(text, Dialect::Dash);
            let variable = |name: &str| (name == "HOME_OF_APP").then(|| "/srv/app".to_owned());
            script.words_with(script.commands()?.first()?, &variable)
        };
        let list = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(words("rm -r $HOME_OF_APP/x"), list(&["rm", "-r", "/srv/app/x"]));
        assert_eq!(words("rm \"${HOME_OF_APP}\""), list(&["rm", "/srv/app"]));
        assert_eq!(words("rm $HOME_OF_APP/*"), list(&["rm", "/srv/app/*"]));
        for text in ["rm $OTHER", "rm \"$HOME_OF_APP/*\"", "rm ${HOME_OF_APP:-x}", "rm '*'", "rm $(x)"] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
