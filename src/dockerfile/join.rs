//! Writes one RUN from several scripts, each of which was a RUN of its own.
//!
//! A RUN of its own starts in a fresh shell, and the next one only starts if it succeeded. The joined RUN keeps both:
//! every script exits with the same status, prints the same and leaves the same files, whatever its commands do. No text is
//! taken apart for that, unless it is a plain list of commands; it is wrapped, in the plainest way that holds:
//!
//! | way | what it looks like | when |
//! |---|---|---|
//! | flat | `a && b` | a plain list that leaves its shell as it was |
//! | brackets | `(cd /x && make)` | a plain list that changes its shell, or needs a directory or variables |
//! | block | `(set +e; …)` behind a `set -e;` | any other text that is understood |
//! | child | `/bin/sh -c '…'` | what a subshell would change |
//!
//! A block never stands in a list of `&&`: there, no shell obeys the `set -e` in it ([POSIX `set`]). In `bash`, a failing
//! expansion ends a shell with 127 and a subshell with 1: a text in which one may fail becomes a child, or goes without its
//! brackets where it is the last.
//!
//! [POSIX `set`]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#set

use super::shell::{Script, quote, single_quote};

#[cfg(all(test, unix))]
mod proof;
mod runner;

pub(crate) use runner::Runner;

/// A script to be joined, and what it needs to find.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    pub body: Body,
    /// The directory it must start in, where that is not the one of the joined RUN.
    pub directory: Option<String>,
    /// The variables that are set for it and not for the joined RUN.
    pub variables: Vec<(String, String)>,
}

/// What is run.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// A text for the shell.
    Script(Script),
    /// Words that no shell reads: the exec form.
    Words(Vec<String>),
}

impl Default for Body {
    fn default() -> Self {
        Body::Script(Script::default())
    }
}

impl Body {
    /// Returns the words of each command, where all of them are literal and each must succeed.
    pub fn commands(&self) -> Option<Vec<Vec<String>>> {
        match self {
            Body::Script(script) => script.commands()?.iter().map(|command| script.words(command)).collect(),
            Body::Words(words) => Some(vec![words.clone()]),
        }
    }
}

/// The joined RUN.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The instruction; empty where nothing is left to run.
    pub lines: String,
    /// Why it may not do the same as its pieces did.
    pub doubts: Vec<String>,
}

/// One piece as it goes into the RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrapped {
    /// Commands, each of which must succeed.
    Flat(Vec<String>),
    /// A command that succeeds or fails as a whole.
    Whole(String),
    /// Text that a `set -e` around it watches.
    Block {
        /// Commands before it.
        before: Vec<String>,
        text: String,
        /// Whether it needs no subshell.
        is_bare: bool,
    },
}

/// Joins the pieces; `flags` are the RUN's own, like `--mount`.
pub(crate) fn join(pieces: &[Piece], runner: &Runner, flags: &[String]) -> Joined {
    let pieces: Vec<&Piece> = pieces.iter().filter(|piece| !piece.is_empty()).collect();
    let flags = flags.iter().flat_map(|flag| [flag, " \\\n    "]).collect::<String>();
    let doubts = doubts(&pieces);
    let lines = match pieces[..] {
        [] => String::new(),
        [piece] if !piece.has_surroundings() => alone(piece, &flags),
        _ => together(&pieces, runner, &flags),
    };
    Joined { lines, doubts }
}

fn doubts(pieces: &[&Piece]) -> Vec<String> {
    let mut doubts: Vec<String> = Vec::new();
    let mut doubt = |text: &str| {
        if !doubts.iter().any(|known| known == text) {
            doubts.push(text.to_owned());
        }
    };
    if pieces.len() > 1 {
        pieces.iter().flat_map(|piece| piece.doubts()).for_each(&mut doubt);
    }
    doubts
}

/// What each step finds fresh, whatever the one before did to it.
const FRESH_PLACES: [&str; 7] =
    ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/dev/shm", "/dev/mqueue", "/proc/", "/sys/"];

impl Piece {
    /// Says whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        match &self.body {
            Body::Script(script) => script.is_empty(),
            Body::Words(words) => words.is_empty(),
        }
    }

    fn has_surroundings(&self) -> bool {
        self.directory.is_some() || !self.variables.is_empty()
    }

    fn doubts(&self) -> Vec<&'static str> {
        let Body::Script(script) = &self.body else {
            let Body::Words(words) = &self.body else { return Vec::new() };
            let is_odd = words.first().is_none_or(|word| word.starts_with('-'));
            return if is_odd {
                vec!["a step in exec form starts with a word that no shell can run"]
            } else {
                Vec::new()
            };
        };
        let mut doubts = Vec::new();
        if !script.leaves_nothing_running() {
            doubts.push("a command in the background, or a service, would still run in the steps behind it");
        }
        let names_process = ["$$", "${$}", "PPID", "BASHPID", "SHLVL"].iter().any(|name| script.text().contains(name));
        if script.facts().map_or(names_process, |facts| facts.reads_process) {
            doubts.push("a step asks for process numbers, which are others in a merged step");
        }
        if FRESH_PLACES.iter().any(|place| script.text().contains(place)) {
            doubts.push("a step names a file that each step finds fresh (like /etc/hosts, /dev/shm or /proc)");
        }
        doubts
    }

    /// Returns what must stand before the script, as commands.
    fn surroundings(&self) -> Vec<String> {
        let variables = self.variables.iter().map(|(name, value)| format!("export {name}={}", quote(value)));
        let directory = self.directory.iter().map(|directory| format!("cd {}", quote(directory)));
        variables.chain(directory).collect()
    }

    /// Wraps the piece; `is_watched`: a `set -e` that is not its own stands before it.
    fn wrap(&self, runner: &Runner, is_last: bool, is_watched: bool) -> Wrapped {
        let around = self.surroundings();
        let script = match &self.body {
            Body::Words(words) => {
                let words = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
                return Wrapped::Whole(bracketed(&around, &format!("exec {words}")));
            }
            Body::Script(script) => script,
        };
        let may_fail = runner.may_fail_elsewhere(script);
        if let Some(commands) = script.commands() {
            // `bash` has yet another status for a failing expansion where `set -e` holds.
            let is_flat = around.is_empty() && (is_last || !script.leaves_state()) && !(may_fail && is_watched);
            if is_flat {
                return Wrapped::Flat(commands.iter().map(|one| script.text_of(one).to_owned()).collect());
            }
            if !may_fail {
                return Wrapped::Whole(bracketed(&around, script.text()));
            }
        }
        if fits_block(runner, script, is_last) {
            let has_errexit = runner.errexit || script.starts_with_errexit(runner.dialect);
            let mut before = around;
            before.extend((!has_errexit).then(|| "set +e".to_owned()));
            return Wrapped::Block { before, text: script.text().to_owned(), is_bare: is_last && may_fail };
        }
        let child = format!("{} {}", runner.command(), single_quote(script.text()));
        Wrapped::Whole(if around.is_empty() { child } else { bracketed(&around, &child) })
    }
}

/// Says whether a subshell does the same as a shell of its own.
fn fits_block(runner: &Runner, script: &Script, is_last: bool) -> bool {
    let Ok(facts) = script.facts() else { return false };
    let is_read_at_once = !(facts.changes_reading && script.has_lines());
    let fails_alike = is_last || !runner.may_fail_elsewhere(script);
    let fits_a_line = script.has_lines() || !facts.has_comment;
    is_read_at_once && fails_alike && fits_a_line && !facts.reads_shell_state
}

/// Puts commands and a list into a subshell.
fn bracketed(before: &[String], list: &str) -> String {
    let mut all = before.join(" && ");
    if !all.is_empty() {
        all.push_str(" && ");
    }
    all.push_str(list);
    // Two brackets in a row are something else in some shells.
    let gap = if all.starts_with('(') { " " } else { "" };
    format!("({gap}{all})")
}

/// The RUN of one piece that needs nothing around it: the text as it is.
fn alone(piece: &Piece, flags: &str) -> String {
    match &piece.body {
        Body::Words(words) => format!("RUN {flags}{}", serde_json::json!(words)),
        Body::Script(script) if script.has_lines() => heredoc(script.text(), flags),
        Body::Script(script) => format!("RUN {flags}{}", script.text()),
    }
}

fn together(pieces: &[&Piece], runner: &Runner, flags: &str) -> String {
    let last = pieces.len() - 1;
    let wrap = |is_watched: bool| -> Vec<Wrapped> {
        pieces.iter().enumerate().map(|(at, piece)| piece.wrap(runner, at == last, is_watched)).collect()
    };
    let mut wrapped = wrap(false);
    let has_block = wrapped.iter().any(|one| matches!(one, Wrapped::Block { .. }));
    let has_lines = pieces.iter().any(|piece| matches!(&piece.body, Body::Script(script) if script.has_lines()));
    let watch = (!runner.errexit).then(|| "set -e".to_owned());
    if watch.is_some() && (has_block || has_lines) {
        wrapped = wrap(true);
    }
    if has_lines {
        let statements = wrapped.iter().flat_map(|one| one.statements("\n"));
        let all: Vec<String> = watch.into_iter().chain(statements).collect();
        return heredoc(&all.join("\n"), flags);
    }
    if has_block {
        let statements = wrapped.iter().flat_map(|one| one.statements("; "));
        let all: Vec<String> = watch.into_iter().chain(statements).collect();
        return format!("RUN {flags}{}", all.join("; \\\n    "));
    }
    let commands = wrapped.iter().flat_map(|one| one.statements(" && "));
    format!("RUN {flags}{}", commands.collect::<Vec<_>>().join(" \\\n && "))
}

impl Wrapped {
    /// Returns the statements, each of which must succeed; `gap` goes between the parts of a block.
    fn statements(&self, gap: &str) -> Vec<String> {
        match self {
            Wrapped::Flat(commands) => commands.clone(),
            Wrapped::Whole(command) => vec![command.clone()],
            Wrapped::Block { before, text, is_bare } => {
                let parts: Vec<&str> = before.iter().map(String::as_str).chain([text.as_str()]).collect();
                let inner = parts.join(gap);
                vec![match (is_bare, gap) {
                    (true, _) => inner,
                    (false, "\n") => format!("(\n{inner}\n)"),
                    (false, _) => bracketed(&[], &inner),
                }]
            }
        }
    }
}

/// Writes a RUN of several lines, which `BuildKit` gives to the shell as they are.
fn heredoc(body: &str, flags: &str) -> String {
    let mut end = "EOF".to_owned();
    while body.lines().any(|line| line.trim() == end) || body.contains(&format!("<<{end}")) {
        end.push('_');
    }
    format!("RUN {flags}<<{end}\n{body}\n{end}")
}

#[cfg(test)]
mod tests {
    use super::super::shell::Dialect;
    use super::*;

    fn runner(words: &str, sh: Dialect) -> Runner {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Runner::new(&words, sh).expect("a shell that is understood")
    }

    fn joined_by(runner: &Runner, texts: &[&str]) -> Joined {
        let piece = |text: &&str| Piece { body: Body::Script(Script::new(text, runner.dialect)), ..Piece::default() };
        join(&texts.iter().map(piece).collect::<Vec<_>>(), runner, &[])
    }

    fn joined(texts: &[&str]) -> String {
        joined_by(&runner("", Dialect::Dash), texts).lines
    }

    #[test]
    fn plain_lists_flow_together_as_they_were_written() {
        assert_eq!(joined(&["a &&   b  \"x  y\"", "c 'd && e'"]), "RUN a \\\n && b  \"x  y\" \\\n && c 'd && e'");
        assert_eq!(joined(&["a"]), "RUN a");
        assert_eq!(joined(&[]), "");
    }

    #[test]
    fn what_a_text_leaves_behind_is_contained() {
        assert_eq!(joined(&["cd /x && make", "b"]), "RUN (cd /x && make) \\\n && b");
        assert_eq!(
            joined(&["a; b", "c || d", "e"]),
            "RUN set -e; \\\n    (set +e; a; b); \\\n    (set +e; c || d); \\\n    e"
        );
        let pieces = [("make; x", Some("/a b")), ("c", None)].map(|(text, directory)| Piece {
            body: Body::Script(Script::new(text, Dialect::Dash)),
            directory: directory.map(str::to_owned),
            variables: vec![("V".to_owned(), "it's".to_owned())],
        });
        let lines = join(&pieces[..1], &runner("", Dialect::Dash), &["--mount=x".to_owned()]).lines;
        assert_eq!(lines, "RUN --mount=x \\\n    set -e; \\\n    (export V='it'\\''s'; cd '/a b'; set +e; make; x)");
    }

    /// `set -eux; [ -f /x ] && echo found; …` went into pieces, and the build failed.
    #[test]
    fn lists_after_set_e_stay_lists() {
        let text = "set -eux; [ -f /x ] && echo found; dd if=/dev/zero of=/y";
        assert_eq!(joined(&[text, "rm /y"]), format!("RUN set -e; \\\n    ({text}); \\\n    rm /y"));
    }

    /// `[[ a && b ]]` was torn apart between its brackets.
    #[test]
    fn conditions_of_bash_stay_whole() {
        let text = "[[ -d /a && -d /b ]] && touch /c";
        let bash = joined_by(&runner("/bin/bash -c", Dialect::Unknown), &[text, "rm /c"]);
        assert_eq!(bash.lines, format!("RUN set -e; \\\n    (set +e; {text}); \\\n    rm /c"));
        let sh = joined_by(&Runner::default(), &[text, "rm /c"]);
        assert_eq!(sh.lines, format!("RUN /bin/sh -c '{text}' \\\n && rm /c"));
        assert!(bash.doubts.is_empty() && sh.doubts.is_empty());
    }

    /// `set -o errexit` was not seen, so that a build that failed passed.
    #[test]
    fn options_hold_for_their_own_text() {
        let text = "set -o errexit; false; true";
        assert_eq!(joined(&[text, "b"]), format!("RUN set -e; \\\n    (set +e; {text}); \\\n    b"));
        let strict = runner("/bin/bash -eo pipefail -c", Dialect::Unknown);
        assert_eq!(joined_by(&strict, &["a; b", "c"]).lines, "RUN (a; b); \\\n    c");
    }

    #[test]
    fn quoted_texts_keep_their_spaces() {
        let text = "x=\"v=$(printf '%s' \"a && b\")\"; echo \"a ; b\"";
        assert!(joined(&[text, "c"]).contains(text));
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(joined(&["a\nb", "c"]), "RUN <<EOF\nset -e\n(\nset +e\na\nb\n)\nc\nEOF");
        let lines = joined(&["cat <<EOF\nx\nEOF", "c"]);
        assert!(lines.starts_with("RUN <<EOF_\n") && lines.ends_with("\nEOF_"), "{lines}");
        assert_eq!(joined(&["a\n# b"]), "RUN <<EOF\na\n# b\nEOF");
        assert_eq!(joined(&["a # b", "c"]), "RUN /bin/sh -c 'a # b' \\\n && c");
    }

    #[test]
    fn an_expansion_that_fails_in_bash_fails_alike() {
        let text = "set -eu; echo $nothing";
        let bash = runner("/bin/bash -c", Dialect::Unknown);
        assert_eq!(joined_by(&bash, &[text, "c"]).lines, format!("RUN /bin/bash -c '{text}' \\\n && c"));
        assert_eq!(
            joined_by(&bash, &["a || b", text]).lines,
            format!("RUN set -e; \\\n    (set +e; a || b); \\\n    {text}")
        );
    }

    #[test]
    fn the_exec_form_needs_no_shell_to_read_it() {
        let words = Body::Words(["echo", "a  $x"].map(str::to_owned).to_vec());
        let pieces = [
            Piece { body: words, ..Piece::default() },
            Piece { body: Body::Script(Script::new("b", Dialect::Dash)), ..Piece::default() },
        ];
        let dash = runner("", Dialect::Dash);
        assert_eq!(join(&pieces, &dash, &[]).lines, "RUN (exec echo 'a  $x') \\\n && b");
        assert_eq!(join(&pieces[..1], &dash, &[]).lines, "RUN [\"echo\",\"a  $x\"]");
    }

    #[test]
    fn what_no_wrapping_contains_is_doubted() {
        for text in [
            "mysqld & mysql -e x",
            "service postgresql start && psql",
            "echo $(sleep 9 &)",
            "touch /tmp/x.$$; ls",
            "echo 127.0.0.1 x >> /etc/hosts && curl x",
            "echo a &> /b",
            "/etc/init.d/x start; y",
        ] {
            assert_eq!(joined_by(&Runner::default(), &[text, "rm /x"]).doubts.len(), 1, "{text}");
        }
        for text in ["a 2>&1 && b >&2", "sed 's/&/x/' f", "curl 'http://x/?a=1&b=2'", "a && b", "x=$(a && b)"] {
            assert_eq!(joined_by(&Runner::default(), &[text, "rm /x"]).doubts, [""; 0], "{text}");
        }
    }

    /// Texts in the manner of the Dockerfiles that most images are built on.
    #[test]
    fn what_people_write_is_nearly_always_safe() {
        let texts: Vec<&str> = include_str!("join/typical.txt").split("\n---\n").map(str::trim).collect();
        assert!(texts.len() >= 40, "{}", texts.len());
        for words in ["", "/bin/bash -o pipefail -c", "/bin/ash -eo pipefail -c"] {
            let runner = runner(words, Dialect::Unknown);
            let is_safe = |text: &&&str| joined_by(&runner, &[text, "rm -rf /tmp/*"]).doubts.is_empty();
            let safe = texts.iter().filter(is_safe).count();
            assert!(safe * 10 >= texts.len() * 9, "{words}: {safe} of {}", texts.len());
            let is_short = |text: &&&str| !joined_by(&runner, &[text, "rm -rf /tmp/*"]).lines.contains("RUN /bin/");
            let understood = texts.iter().filter(|text| Script::new(text, Dialect::Dash).facts().is_ok()).count();
            assert!(understood * 10 >= texts.len() * 9, "{words}: only {understood} are understood");
            assert!(
                texts.iter().filter(is_short).count() * 4 >= texts.len(),
                "{words}: most go into a shell of their own"
            );
        }
    }
}
