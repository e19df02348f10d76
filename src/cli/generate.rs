//! The manual page and the completions, made of the same flags that are parsed.

use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// What can be made.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum What {
    /// The manual page, for man(1).
    Man,
    /// Completions for bash.
    Bash,
    /// Completions for zsh.
    Zsh,
    /// Completions for fish.
    Fish,
    /// Completions for `PowerShell`.
    #[value(name = "powershell")]
    PowerShell,
    /// Completions for elvish.
    Elvish,
}

impl What {
    /// Returns the text.
    pub(super) fn generate(self, mut command: Command) -> Vec<u8> {
        let mut out = Vec::new();
        let shell = match self {
            What::Man => {
                // Writing to memory does not fail.
                let written = clap_mangen::Man::new(command).render(&mut out);
                debug_assert!(written.is_ok());
                return out;
            }
            What::Bash => Shell::Bash,
            What::Zsh => Shell::Zsh,
            What::Fish => Shell::Fish,
            What::PowerShell => Shell::PowerShell,
            What::Elvish => Shell::Elvish,
        };
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut out);
        out
    }
}
