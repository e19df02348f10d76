//! The shell that a RUN is given to: which one it is, and what its options mean for a text.

use crate::dockerfile::shell::{Dialect, Script, quote};

/// The words of a SHELL, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runner {
    pub(super) words: Vec<String>,
    pub dialect: Dialect,
    /// It stops at the first error without being told.
    pub errexit: bool,
    /// It takes an unset variable for an error.
    nounset: bool,
}

impl Default for Runner {
    fn default() -> Self {
        let words = ["/bin/sh", "-c"].map(str::to_owned).to_vec();
        Runner { words, dialect: Dialect::Unknown, errexit: false, nounset: false }
    }
}

impl Runner {
    /// Understands the words of a SHELL, `words` empty for that of a Dockerfile without one. `sh` is what `/bin/sh` of the
    /// image is.
    ///
    /// # Errors
    /// Why texts for it cannot be joined.
    pub fn new(words: &[String], sh: Dialect) -> Result<Self, &'static str> {
        if words.is_empty() {
            return Ok(Runner { dialect: sh, ..Runner::default() });
        }
        let mut runner = Runner { words: words.to_vec(), ..Runner::default() };
        let program = words[0].rsplit('/').next().unwrap_or("");
        let (program, options) = match (program, words.get(1).map(String::as_str)) {
            ("busybox", Some("sh" | "ash")) => ("ash", &words[2..]),
            _ => (program, &words[1..]),
        };
        runner.dialect = match program {
            "sh" => sh,
            "bash" => Dialect::Bash,
            "dash" => Dialect::Dash,
            "ash" => Dialect::Busybox,
            _ => return Err("its shell is none that is understood here"),
        };
        runner.options(options)?;
        Ok(runner)
    }

    fn options(&mut self, options: &[String]) -> Result<(), &'static str> {
        let Some((last, options)) = options.split_last() else { return Err("its SHELL takes no command") };
        let mut options = options.iter().chain([last]).map(String::as_str);
        let mut takes_command = false;
        while let Some(option) = options.next() {
            let is_long = option.starts_with("--");
            match option.strip_prefix('-') {
                _ if matches!(option, "--noprofile" | "--norc" | "--posix") => {}
                Some(letters) if !is_long && !letters.is_empty() => {
                    if letters.contains(['l', 'i', 's', 'n']) {
                        return Err("its shell reads files of its own at every start");
                    }
                    self.errexit |= letters.contains('e');
                    self.nounset |= letters.contains('u');
                    takes_command |= letters.contains('c');
                    if letters.contains('o') {
                        let name = options.next().unwrap_or("");
                        self.errexit |= name == "errexit";
                        self.nounset |= name == "nounset";
                    }
                }
                _ => return Err("its SHELL has an option that is not understood"),
            }
        }
        if takes_command { Ok(()) } else { Err("its SHELL takes no command") }
    }

    /// Returns the words that run a text in a shell of its own.
    pub fn command(&self) -> String {
        self.words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// Says whether an expansion in the text may end the shell, with another status than a subshell would have.
    pub fn may_fail_elsewhere(&self, script: &Script) -> bool {
        let is_bash = matches!(self.dialect, Dialect::Bash | Dialect::Unknown);
        let facts = script.facts();
        is_bash
            && (facts.is_ok_and(|facts| facts.may_fail_in_expansion) || (self.nounset && script.text().contains('$')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_and_their_options() {
        let runner = |words: &str| {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            Runner::new(&words, Dialect::Dash)
        };
        let known = |words: &str| runner(words).map(|runner| (runner.dialect, runner.errexit, runner.nounset));
        assert_eq!(known(""), Ok((Dialect::Dash, false, false)));
        assert_eq!(known("/bin/bash -c"), Ok((Dialect::Bash, false, false)));
        assert_eq!(known("/bin/bash -euo pipefail -c"), Ok((Dialect::Bash, true, true)));
        assert_eq!(known("bash -o errexit -c"), Ok((Dialect::Bash, true, false)));
        assert_eq!(known("/bin/busybox sh -ec"), Ok((Dialect::Busybox, true, false)));
        for odd in ["bash", "bash -lc", "pwsh -c", "cmd /S /C", "bash --login -c"] {
            assert!(known(odd).is_err(), "{odd}");
        }
    }
}
