//! From a line of an image's history to the instruction of the Dockerfile that made it.

use super::shell::is_name;

/// The user's instruction in a history line, without the builder's wrapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The instruction in capitals: `RUN`, `COPY`, …; empty where the line does not tell.
    pub instruction: String,
    /// What follows it: without flags of the instruction, build arguments and shell.
    pub command: String,
    /// How a RUN was written.
    pub form: Form,
    /// Flags of the instruction, as far as the builder records them: kaniko and buildah do, Docker does not.
    pub flags: Vec<String>,
}

/// How a RUN was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// A text for a shell.
    Shell,
    /// A JSON list of words.
    Exec,
    /// A list of words of which the history lost the borders.
    Words,
    /// No RUN, or not known.
    #[default]
    Unknown,
}

const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The shell of a Dockerfile that names none; the second is that of Windows.
const DEFAULT_SHELLS: [&str; 2] = ["/bin/sh -c", "cmd /S /C"];

/// What the classic builder and buildah write before an instruction that runs nothing.
const NOP: &str = "#(nop)";

impl Step {
    /// Says whether it copies what the builder recorded only a digest of: `COPY dir:DIGEST in /destination`.
    #[must_use]
    pub fn has_digest(&self) -> bool {
        let said = self.command.trim_start();
        let is_digest = ["file:", "dir:", "multi:"].iter().any(|kind| said.starts_with(kind)) && said.contains(" in ");
        is_digest && matches!(self.instruction.as_str(), "COPY" | "ADD")
    }

    /// The words that a RUN is given to in a Dockerfile without a SHELL.
    pub const DEFAULT_SHELL: &str = DEFAULT_SHELLS[0];

    /// Reads the step from a history entry: `created_by`, or the comment where that is empty. `shell` is the words that a
    /// RUN is given to.
    ///
    /// Understood: `SHELL #(nop) INSTRUCTION …` and `SHELL COMMAND` of the classic builder and buildah, with their
    /// `|N ARG=value …` prefix; `RUN |N ARG=value … SHELL COMMAND # buildkit` and `INSTRUCTION … # buildkit`; kaniko's
    /// plain instructions. A classic exec form without build arguments looks like the command of a `docker commit`: it
    /// has no instruction.
    #[must_use]
    pub fn of(created_by: &str, comment: &str, shell: &str) -> Step {
        let line = created_by.trim();
        let by_buildkit = line.ends_with("# buildkit");
        let line = line.strip_suffix("# buildkit").unwrap_or(line).trim_end();
        if line.is_empty() {
            return unknown(comment.trim());
        }
        if let Some(nop) = after_shell(line, shell).and_then(|rest| rest.trim_start().strip_prefix(NOP)) {
            return split_instruction(nop.trim()).map_or_else(|| unknown(nop.trim()), with_flags);
        }
        match split_instruction(line) {
            Some(step) if step.instruction == "RUN" => run(&step.command, shell, !by_buildkit),
            Some(step) => with_flags(step),
            None if line.starts_with('|') || after_shell(line, shell).is_some() => run(line, shell, false),
            None => unknown(line),
        }
    }
}

/// Returns the words of a SHELL instruction: JSON, as buildah keeps it, or Go's `[a b c]`, as Docker writes it.
#[must_use]
pub fn shell_words(command: &str) -> Vec<String> {
    serde_json::from_str(command)
        .unwrap_or_else(|_| command.trim_matches(['[', ']']).split_whitespace().map(str::to_owned).collect())
}

/// Returns the variables that an ENV sets, in its order; nothing where the line can be read in more than one way: builders
/// record values without their quotes.
#[must_use]
pub fn env_variables(command: &str) -> Option<Vec<(String, String)>> {
    let starts = |word: &str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let mut variables: Vec<(String, String)> = Vec::new();
    if !starts(command.split(' ').next()?) {
        let (name, value) = command.split_once(' ')?;
        return is_name(name).then(|| vec![(name.to_owned(), value.trim().to_owned())]).filter(|one| are_literal(one));
    }
    for word in command.split(' ') {
        if let Some((name, value)) = word.split_once('=').filter(|_| starts(word)) {
            variables.push((name.to_owned(), value.to_owned()));
        } else {
            let (_, value) = variables.last_mut()?;
            value.push(' ');
            value.push_str(word);
        }
    }
    // A value with spaces could be several variables, and the other way round.
    let is_clear = variables.len() == 1 || variables.iter().all(|(_, value)| !value.contains(' '));
    Some(variables).filter(|variables| is_clear && are_literal(variables))
}

fn are_literal(variables: &[(String, String)]) -> bool {
    variables.iter().all(|(_, value)| !value.contains(['$', '"', '\'', '\\', '\n']))
}

fn unknown(line: &str) -> Step {
    Step { command: line.to_owned(), ..Step::default() }
}

fn split_instruction(line: &str) -> Option<Step> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    INSTRUCTIONS.contains(&word).then(|| Step {
        instruction: word.to_owned(),
        command: rest.trim().to_owned(),
        ..Step::default()
    })
}

/// Takes the instruction's own flags off the command.
fn with_flags(step: Step) -> Step {
    if !matches!(step.instruction.as_str(), "COPY" | "ADD") {
        return step;
    }
    let (flags, command) = split_flags(&step.command);
    Step { flags, command: command.to_owned(), ..step }
}

fn split_flags(text: &str) -> (Vec<String>, &str) {
    let (mut flags, mut rest) = (Vec::new(), text.trim_start());
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        flags.push(flag.to_owned());
        rest = after.trim_start();
    }
    (flags, rest)
}

/// Reads what follows a RUN: flags, build arguments, shell, command.
fn run(text: &str, shell: &str, is_source: bool) -> Step {
    let (flags, text) = split_flags(text);
    // Where there are arguments, their values may hold spaces: the shell is the first that follows.
    let command = match text.strip_prefix('|') {
        Some(_) => find_shell(text, shell),
        None => after_shell(text, shell),
    };
    let (command, form) = match command {
        Some(command) => (command, Form::Shell),
        // Kaniko records the instruction itself, without a shell.
        None if is_source && !text.starts_with('|') => (text, Form::Shell),
        None => (without_arguments(text), Form::Words),
    };
    let (flags_behind, command) = split_flags(command);
    let is_json = command.starts_with('[') && serde_json::from_str::<Vec<String>>(command).is_ok();
    Step {
        instruction: "RUN".to_owned(),
        command: command.trim().to_owned(),
        form: if is_json { Form::Exec } else { form },
        flags: [flags, flags_behind].concat(),
    }
}

fn after_shell<'a>(line: &'a str, shell: &str) -> Option<&'a str> {
    let shells = [shell].into_iter().chain(DEFAULT_SHELLS);
    let rests = shells.filter(|shell| !shell.is_empty()).filter_map(|shell| line.strip_prefix(shell));
    rests.into_iter().find(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn find_shell<'a>(text: &'a str, shell: &str) -> Option<&'a str> {
    let shells = [shell].into_iter().chain(DEFAULT_SHELLS).filter(|shell| !shell.is_empty());
    let found = shells.filter_map(|shell| Some((text.find(&format!(" {shell} "))?, shell.len() + 2)));
    found.min().map(|(at, length)| &text[at + length..])
}

/// Takes `|N A=b …` off, as far as words that look like assignments go.
fn without_arguments(text: &str) -> &str {
    if !text.starts_with('|') {
        return text;
    }
    let is_argument = |word: &str| word.starts_with('|') || word.contains('=');
    let last = text.split(' ').scan(0, |at, word| {
        let start = *at;
        *at += word.len() + 1;
        Some((start, word))
    });
    let rest = last.skip_while(|(_, word)| is_argument(word)).map(|(start, _)| start).next();
    rest.map_or(text, |start| &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(created_by: &str) -> (String, String) {
        let step = Step::of(created_by, "", Step::DEFAULT_SHELL);
        (step.instruction, step.command)
    }

    #[test]
    fn steps_of_every_builder() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(step("/bin/sh -c #(nop) ADD file:ab12 in / "), pair("ADD", "file:ab12 in /"));
        assert_eq!(step("/bin/sh -c #(nop)  CMD [\"sh\"]"), pair("CMD", "[\"sh\"]"));
        assert_eq!(step("/bin/sh -c apk add git"), pair("RUN", "apk add git"));
        assert_eq!(step("|1 V=2 /bin/sh -c make V=$V"), pair("RUN", "make V=$V"));
        assert_eq!(step("RUN /bin/sh -c apk add git # buildkit"), pair("RUN", "apk add git"));
        assert_eq!(step("RUN |1 V=2 /bin/sh -c make # buildkit"), pair("RUN", "make"));
        assert_eq!(step("COPY . /app # buildkit"), pair("COPY", ". /app"));
        assert_eq!(step("WORKDIR /app"), pair("WORKDIR", "/app"));
        assert_eq!(step("bazel build ..."), pair("", "bazel build ..."));
    }

    #[test]
    fn forms_shells_and_flags() {
        let full = |created_by: &str, shell: &str| {
            let step = Step::of(created_by, "", shell);
            (step.instruction, step.command, step.form, step.flags)
        };
        let run = |command: &str, form, flags: &[&str]| {
            let flags = flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>();
            ("RUN".to_owned(), command.to_owned(), form, flags)
        };
        let sh = "/bin/sh -c";
        let bash = "/bin/bash -o pipefail -c";
        for (line, shell, expected) in [
            ("RUN /bin/bash -o pipefail -c curl x | tar x # buildkit", bash, run("curl x | tar x", Form::Shell, &[])),
            ("/bin/bash -o pipefail -c curl x | tar x", bash, run("curl x | tar x", Form::Shell, &[])),
            ("RUN /bin/sh -c echo a\necho b\n # buildkit", sh, run("echo a\necho b", Form::Shell, &[])),
            ("|2 FOO=given here EMPTY= /bin/sh -c echo $FOO > /foo", sh, run("echo $FOO > /foo", Form::Shell, &[])),
            (
                "|7 FOO=bar TWO=two words | and a pipe /bin/sh -c [\"sh\", \"-c\", \"echo\"]",
                sh,
                run("[\"sh\", \"-c\", \"echo\"]", Form::Exec, &[]),
            ),
            (
                "RUN |1 FOO=bar sh -c echo exec form '#(nop)' > /exec # buildkit",
                sh,
                run("sh -c echo exec form '#(nop)' > /exec", Form::Words, &[]),
            ),
            ("RUN prog --flag # buildkit", sh, run("prog --flag", Form::Words, &[])),
            ("RUN chmod +x /root/saved.txt", sh, run("chmod +x /root/saved.txt", Form::Shell, &[])),
            ("RUN --mount=type=cache,target=/c make", sh, run("make", Form::Shell, &["--mount=type=cache,target=/c"])),
            (
                "RUN |1 A=1 /bin/sh -c echo '/bin/sh -c #(nop) COPY file:0 in / ' > /fake # buildkit",
                sh,
                run("echo '/bin/sh -c #(nop) COPY file:0 in / ' > /fake", Form::Shell, &[]),
            ),
            (
                "/bin/bash -c #(nop)  CMD [\"sh\"]",
                "/bin/bash -c",
                ("CMD".to_owned(), "[\"sh\"]".to_owned(), Form::Unknown, vec![]),
            ),
            (
                "COPY --from=build --chown=1 /a /b",
                sh,
                (
                    "COPY".to_owned(),
                    "/a /b".to_owned(),
                    Form::Unknown,
                    vec!["--from=build".to_owned(), "--chown=1".to_owned()],
                ),
            ),
            ("umoci repack", sh, (String::new(), "umoci repack".to_owned(), Form::Unknown, vec![])),
        ] {
            assert_eq!(full(line, shell), expected, "{line}");
        }
    }

    #[test]
    fn variables_of_an_env_are_read_where_they_are_clear() {
        let read = |text: &str| env_variables(text);
        let pairs = |pairs: &[(&str, &str)]| {
            Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(read("A=1"), pairs(&[("A", "1")]));
        assert_eq!(read("A=1 B=2"), pairs(&[("A", "1"), ("B", "2")]));
        assert_eq!(read("PATH=/a:/b c"), pairs(&[("PATH", "/a:/b c")]));
        assert_eq!(read("NAME some value"), pairs(&[("NAME", "some value")]));
        for unclear in ["A=1 2 B=3", "A=$B", "A=\"x y\"", "A", "1=2", ""] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }
}
