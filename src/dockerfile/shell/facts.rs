//! What in a script matters to whoever wraps it.

use super::Word;

/// Notes about a script, taken while it is recognised: its substitutions and here-documents included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a note of its own, and none excludes another")]
pub(crate) struct Facts {
    /// There is a comment.
    pub has_comment: bool,
    /// A command runs in the background, or nobody waits for one.
    pub has_background: bool,
    /// An expansion may end the shell: `bash` then has another exit status than a subshell of it.
    pub may_fail_in_expansion: bool,
    /// It turns around the status of something with a substitution. Under `set -e`, `bash` as `sh` then ends the
    /// substitution at its first failure in a subshell, and does not outside of one.
    pub negates_substitution: bool,
    /// It asks for the shell's own counters, which are others in a subshell.
    pub reads_shell_state: bool,
    /// It asks for a process number.
    pub reads_process: bool,
    /// It changes how the text behind it is read, as an alias does.
    pub changes_reading: bool,
    /// Substitutions, and expansions that are more than a variable.
    pub substitutions: u32,
    /// Here-documents.
    pub heredocs: u32,
}

/// Commands that leave something running, beside those that end in `d`.
const STARTERS: [&str; 8] =
    ["service", "systemctl", "nohup", "setsid", "start-stop-daemon", "pg_ctl", "pg_ctlcluster", "supervisord"];

/// Variables that the shell keeps for itself and that differ in a subshell or in a longer script.
const OWN_VARIABLES: [&str; 7] =
    ["_", "-", "LINENO", "SECONDS", "BASH_SUBSHELL", "BASH_COMMAND", "BASH_EXECUTION_STRING"];

impl Facts {
    pub(super) fn note_variable(&mut self, name: &str) {
        self.reads_shell_state |= OWN_VARIABLES.contains(&name);
        self.reads_process |= matches!(name, "$" | "!" | "PPID" | "BASHPID" | "SHLVL");
    }

    /// Notes what the words of a simple command do to the shell.
    pub(super) fn note(&mut self, text: &str, words: &[Word]) {
        let mut words = words.iter().skip_while(|word| is_assignment(&text[word.range.clone()]));
        let Some(first) = words.next() else { return };
        let Some(name) = first.literal.as_deref() else { return };
        match name {
            "alias" | "unalias" | "shopt" | "enable" => self.changes_reading = true,
            // What the first of them bring is not seen here; a variable that is read-only ends some shells.
            "eval" | "." | "source" | "command" | "builtin" | "readonly" | "declare" | "typeset" => {
                self.may_fail_in_expansion = true;
            }
            "set" => self.may_fail_in_expansion |= words.any(|word| asks_for_nounset(word.literal.as_deref())),
            _ => self.has_background |= STARTERS.contains(&name) || name.contains("/init.d/"),
        }
    }

    pub(super) fn absorb(&mut self, inner: &Facts) {
        self.has_comment |= inner.has_comment;
        self.has_background |= inner.has_background;
        self.may_fail_in_expansion |= inner.may_fail_in_expansion;
        self.negates_substitution |= inner.negates_substitution;
        self.reads_shell_state |= inner.reads_shell_state;
        self.reads_process |= inner.reads_process;
        self.changes_reading |= inner.changes_reading;
        self.substitutions += inner.substitutions;
        self.heredocs += inner.heredocs;
    }
}

/// `-u` or `-o nounset`; a word that is not known could be either.
fn asks_for_nounset(word: Option<&str>) -> bool {
    word.is_none_or(|word| word == "nounset" || (word.starts_with('-') && word.contains('u')))
}

/// Says whether a word sets a variable: `NAME=…`, `NAME+=…`.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| super::is_name(name.strip_suffix('+').unwrap_or(name)))
}
