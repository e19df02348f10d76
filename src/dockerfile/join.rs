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
//! Where a script's place in the user's Dockerfile is known, it is printed in the user's own layout, comments included. That
//! is a matter of printing alone: the way is chosen by what the script says.
//!
//! [POSIX `set`]: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#set

use super::shell::{Dialect, Script, quote, single_quote};

mod layout;
#[cfg(all(test, unix))]
mod proof;
mod runner;

use layout::{Glue, Layout};

pub(crate) use runner::Runner;

/// A script to be joined, and what it needs to find.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    pub body: Body,
    /// The directory it must start in, where that is not the one of the joined RUN.
    pub directory: Option<String>,
    /// The variables that are set for it and not for the joined RUN.
    pub variables: Vec<(String, String)>,
    /// The body as it stands in the Dockerfile, continued by backslashes. Without effect where it says something else than
    /// `body`: what is edited is printed as it is.
    pub source: Option<String>,
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
    Flat {
        commands: Vec<String>,
        /// All of them in the user's layout.
        list: Option<List>,
    },
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

/// Commands with `&&` between them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct List {
    text: String,
    /// The same as a statement of its own, which a `set -e` watches: the list itself would go on where it fails. Nothing
    /// where only the single commands do the same.
    statement: Option<String>,
}

/// Where a piece goes.
#[derive(Debug, Clone, Copy)]
struct Site {
    is_last: bool,
    /// A `set -e` that is not the shell's own stands before it.
    is_watched: bool,
    /// The RUN is a here-document, which no builder reads.
    in_document: bool,
}

/// A statement, with the comments on the lines before it.
struct Statement {
    comments: Vec<String>,
    text: String,
}

/// Joins the pieces; `flags` are the RUN's own, like `--mount`.
pub(crate) fn join(pieces: &[Piece], runner: &Runner, flags: &[String]) -> Joined {
    let pieces: Vec<&Piece> = pieces.iter().filter(|piece| !piece.is_empty()).collect();
    let doubts = doubts(&pieces);
    let lines = match pieces[..] {
        [] => String::new(),
        [piece] if !piece.has_surroundings() => alone(piece, flags),
        _ => together(&pieces, runner, flags),
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

    fn layout(&self) -> Option<Layout<'_>> {
        let Body::Script(script) = &self.body else { return None };
        Layout::of(self.source.as_deref()?, script)
    }

    fn has_lines(&self) -> bool {
        matches!(&self.body, Body::Script(script) if script.has_lines())
    }

    fn wrap(&self, runner: &Runner, site: Site) -> Wrapped {
        let around = self.surroundings();
        let script = match &self.body {
            Body::Words(words) => {
                let words = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
                return Wrapped::Whole(bracketed(&around, &format!("exec {words}")));
            }
            Body::Script(script) => script,
        };
        let layout = self.layout().filter(|layout| !site.in_document || layout.fits_shell());
        let text = layout.as_ref().map_or(script.text(), |layout| layout.text);
        let may_fail = runner.may_fail_elsewhere(script);
        if let Some(commands) = script.commands() {
            // `bash` has yet another status for a failing expansion where `set -e` holds.
            let is_flat =
                around.is_empty() && (site.is_last || !script.leaves_state()) && !(may_fail && site.is_watched);
            if is_flat {
                let is_statement = site.is_last || commands.len() == 1;
                let list = layout.map(|layout| List::new(without_end(layout.text), is_statement, may_fail));
                let commands = commands.iter().map(|one| script.text_of(one).to_owned()).collect();
                return Wrapped::Flat { commands, list };
            }
            if !may_fail {
                return Wrapped::Whole(bracketed(&around, text));
            }
        }
        if fits_block(runner, script, site.is_last) {
            let has_errexit = runner.errexit || script.starts_with_errexit(runner.dialect);
            let mut before = around;
            before.extend((!has_errexit).then(|| "set +e".to_owned()));
            return Wrapped::Block { before, text: text.to_owned(), is_bare: site.is_last && may_fail };
        }
        let quoted = layout.filter(Layout::fits_shell).map_or(script.text(), |layout| layout.text);
        let child = format!("{} {}", runner.command(), single_quote(quoted));
        Wrapped::Whole(if around.is_empty() { child } else { bracketed(&around, &child) })
    }
}

impl List {
    fn new(text: &str, is_statement: bool, may_fail: bool) -> Self {
        let statement = if is_statement { Some(text.to_owned()) } else { (!may_fail).then(|| bracketed(&[], text)) };
        List { text: text.to_owned(), statement }
    }
}

/// Returns a list without the `;` that may stand at its end: something else follows.
fn without_end(text: &str) -> &str {
    let short = text.trim_end().strip_suffix(';').filter(|short| !short.ends_with('\\'));
    short.map_or(text, str::trim_end)
}

/// Says whether a subshell does the same as a shell of its own.
fn fits_block(runner: &Runner, script: &Script, is_last: bool) -> bool {
    let Ok(facts) = script.facts() else { return false };
    let is_read_at_once = !(facts.changes_reading && script.has_lines());
    let fails_alike = is_last || !runner.may_fail_elsewhere(script);
    let fits_a_line = script.has_lines() || !facts.has_comment;
    let is_bash = matches!(runner.dialect, Dialect::Bash | Dialect::Unknown);
    let turns_alike = !(is_bash && facts.negates_substitution);
    is_read_at_once && fails_alike && turns_alike && fits_a_line && !facts.reads_shell_state
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
fn alone(piece: &Piece, flags: &[String]) -> String {
    let (text, is_exec) = match &piece.body {
        Body::Words(words) => (serde_json::json!(words).to_string(), true),
        Body::Script(script) => (script.text().to_owned(), false),
    };
    if let Some((gap, text)) = piece.source.as_deref().and_then(|source| layout::alone(source, &text, is_exec)) {
        return start(flags, gap, text);
    }
    if piece.has_lines() { heredoc(&text, flags) } else { start(flags, "", &text) }
}

/// Begins the RUN; `gap` is the end of its first line, where the text begins on a later one.
fn start(flags: &[String], gap: &str, text: &str) -> String {
    let between = if gap.is_empty() { " \\\n    " } else { " " };
    let flags = flags.join(" \\\n    ");
    if flags.is_empty() { format!("RUN {gap}{text}") } else { format!("RUN {flags}{between}{gap}{text}") }
}

fn together(pieces: &[&Piece], runner: &Runner, flags: &[String]) -> String {
    let in_document = pieces.iter().any(|piece| piece.has_lines());
    let wrap = |is_watched: bool| -> Vec<Wrapped> {
        let last = pieces.len() - 1;
        let site = |at: usize| Site { is_last: at == last, is_watched, in_document };
        pieces.iter().enumerate().map(|(at, piece)| piece.wrap(runner, site(at))).collect()
    };
    let mut wrapped = wrap(false);
    let has_block = wrapped.iter().any(|one| matches!(one, Wrapped::Block { .. }));
    let watch = (!runner.errexit).then(|| "set -e".to_owned());
    if watch.is_some() && (has_block || in_document) {
        wrapped = wrap(true);
    }
    let statements = |gap: &str| -> Vec<Statement> {
        pieces.iter().zip(&wrapped).flat_map(|(piece, one)| commented(piece, one.statements(gap))).collect()
    };
    let watch = watch.map(|text| Statement { comments: Vec::new(), text });
    if in_document {
        let all = watch.into_iter().chain(statements("\n"));
        let lines: Vec<String> = all.flat_map(|one| [one.comments, vec![one.text]].concat()).collect();
        return heredoc(&lines.join("\n"), flags);
    }
    let gap = pieces[0].layout().map_or("", |layout| layout.gap);
    if has_block {
        let gap = if watch.is_some() { "" } else { gap };
        let all: Vec<Statement> = watch.into_iter().chain(statements("; ")).collect();
        return listed(&all, gap, (";", "    "), flags);
    }
    let glue = pieces.iter().find_map(|piece| Glue::of(piece.layout()?.text)).unwrap_or_default();
    let (end, begin) = glue.parts();
    listed(&statements(" && "), gap, (end, &begin), flags)
}

/// Gives the comments of a piece to its first statement.
fn commented(piece: &Piece, statements: Vec<String>) -> Vec<Statement> {
    let mut comments = piece.layout().map(|layout| layout.comments()).unwrap_or_default();
    statements.into_iter().map(|text| Statement { comments: std::mem::take(&mut comments), text }).collect()
}

/// Writes statements line by line; `ends` are what ends a line, and what begins the next one. `gap` holds the comments of
/// the first.
fn listed(statements: &[Statement], gap: &str, (end, begin): (&str, &str), flags: &[String]) -> String {
    let mut lines = String::new();
    for (at, statement) in statements.iter().enumerate() {
        if at == 0 {
            lines = start(flags, gap, &statement.text);
            continue;
        }
        let comments: String = statement.comments.iter().flat_map(|comment| [comment, "\n"]).collect();
        lines = format!("{lines}{end} \\\n{comments}{begin}{}", statement.text);
    }
    lines
}

impl Wrapped {
    /// Returns the statements, each of which must succeed; `gap` goes between the parts of a block.
    fn statements(&self, gap: &str) -> Vec<String> {
        match self {
            Wrapped::Flat { commands, list } => {
                let list = list.as_ref();
                let whole = if gap == " && " {
                    list.map(|list| &list.text)
                } else {
                    list.and_then(|list| list.statement.as_ref())
                };
                whole.map_or_else(|| commands.clone(), |text| vec![text.clone()])
            }
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
fn heredoc(body: &str, flags: &[String]) -> String {
    let mut end = "EOF".to_owned();
    while body.lines().any(|line| line.trim() == end) || body.contains(&format!("<<{end}")) {
        end.push('_');
    }
    start(flags, "", &format!("<<{end}\n{body}\n{end}"))
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
            source: None,
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

    /// `test -f two;` got a second `;` behind it.
    #[test]
    fn a_list_ends_once() {
        let dash = runner("", Dialect::Dash);
        let lines = laid_out(&dash, &[("test -f two;", Some("test -f two;")), ("a; b", None)]);
        assert_eq!(lines, "RUN set -e; \\\n    test -f two; \\\n    (set +e; a; b)");
        let lines = laid_out(&dash, &[("find . -exec x {} \\;", Some("find . -exec x {} \\;")), ("b", None)]);
        assert_eq!(lines, "RUN find . -exec x {} \\; \\\n && b");
    }

    /// A here-document in a substitution, which `bash` 5.2 does not read again as it was: other statuses in a subshell.
    #[test]
    fn a_document_in_a_substitution_gets_a_shell_of_its_own() {
        let text = "x=$(exit 3) ||\necho \"$(cat <<E > here\n$x `echo N`\nE\nx=3; for i in 1; do { :; }; done)\"";
        let bash = joined_by(&runner("/bin/bash -c", Dialect::Unknown), &[text, "b"]);
        assert!(bash.lines.contains("/bin/bash -c '"), "{}", bash.lines);
    }

    /// `sh -ec '! x=$(false; echo)'` fails where `sh` is `bash`, and `sh -ec '(! x=$(false; echo))'` does not.
    #[test]
    fn a_negated_substitution_gets_a_shell_of_its_own() {
        let text = "! x=$(false; echo 0)";
        let bash = joined_by(&runner("/bin/sh -ec", Dialect::Unknown), &["a; b", text]);
        assert!(bash.lines.ends_with(&format!("/bin/sh -ec '{text}'")), "{}", bash.lines);
        let plain = joined_by(&runner("/bin/sh -ec", Dialect::Unknown), &["a; b", "! grep -q x y"]);
        assert!(plain.lines.ends_with("(! grep -q x y)"), "{}", plain.lines);
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

    /// Joins texts that are laid out as in these sources.
    fn laid_out(runner: &Runner, pieces: &[(&str, Option<&str>)]) -> String {
        let piece = |(text, source): &(&str, Option<&str>)| Piece {
            body: Body::Script(Script::new(text, runner.dialect)),
            source: source.map(str::to_owned),
            ..Piece::default()
        };
        join(&pieces.iter().map(piece).collect::<Vec<_>>(), runner, &[]).lines
    }

    #[test]
    fn a_list_keeps_its_layout_and_gives_it_to_the_others() {
        let dash = runner("", Dialect::Dash);
        let install = Some("apt-get update \\\n    # the tool\n    && apt-get install tool");
        assert_eq!(
            laid_out(&dash, &[("apt-get update && apt-get install tool", install), ("rm -r /x", None)]),
            "RUN apt-get update \\\n    # the tool\n    && apt-get install tool \\\n    && rm -r /x"
        );
        let trailing = Some("\\\n  a && \\\n  b --x \\\n    --y");
        assert_eq!(
            laid_out(&dash, &[("a && b --x --y", trailing), ("c", Some("\\\n  # why\n  c")), ("d && e", None)]),
            "RUN \\\n  a && \\\n  b --x \\\n    --y && \\\n  # why\n  c && \\\n  d && \\\n  e"
        );
        let outside = Some("cd /x \\\n && make");
        assert_eq!(laid_out(&dash, &[("cd /x && make", outside), ("b", None)]), "RUN (cd /x \\\n && make) \\\n && b");
        assert_eq!(laid_out(&dash, &[("a", Some("a \\\n && gone")), ("b", None)]), "RUN a \\\n && b", "it was edited");
    }

    /// A list of `&&` among statements would go on where it fails.
    #[test]
    fn a_list_among_statements_is_one() {
        let dash = runner("", Dialect::Dash);
        let list = ("a && b", Some("a \\\n  && b"));
        let block = ("c; d", Some("\\\n  # why\n  c; \\\n  d"));
        assert_eq!(
            laid_out(&dash, &[list, ("x y", Some("x \\\n  y")), block, list]),
            "RUN set -e; \\\n    (a \\\n  && b); \\\n    x \\\n  y; \\\n  # why\n    (set +e; c; \\\n  d); \\\n    a \\\n  && b"
        );
        let strict = runner("/bin/bash -euc", Dialect::Unknown);
        let fails = ("a $x && b", Some("a $x \\\n  && b"));
        assert_eq!(laid_out(&strict, &[fails, block]), "RUN a $x; \\\n    b; \\\n  # why\n    (c; \\\n  d)");
    }

    #[test]
    fn what_only_a_builder_reads_stays_out_of_other_places() {
        let dash = runner("", Dialect::Dash);
        let lines = ("x\ny", None);
        assert_eq!(
            laid_out(&dash, &[("a b && c", Some("a \\\n  b \\\n  && c")), lines]),
            "RUN <<EOF\nset -e\n(a \\\n  b \\\n  && c)\n(\nset +e\nx\ny\n)\nEOF"
        );
        assert_eq!(
            laid_out(&dash, &[("a b && c", Some("\\\n  # one\n  a \\\n  # two\n  b && c")), lines]),
            "RUN <<EOF\nset -e\n  # one\na b\nc\n(\nset +e\nx\ny\n)\nEOF"
        );
        let test = "[[ -d a && -d b ]]";
        let child = |source| laid_out(&dash, &[(test, Some(source)), ("c", None)]);
        assert_eq!(child("[[ -d a && \\\n  -d b ]]"), format!("RUN /bin/sh -c '{test}' \\\n && c"), "not understood");
        let fails = "echo ${x?} || b";
        let bash = runner("/bin/bash -c", Dialect::Unknown);
        let child = |source| laid_out(&bash, &[(fails, Some(source)), ("c", None)]);
        assert_eq!(child("echo ${x?} \\\n  || b"), "RUN /bin/bash -c 'echo ${x?} \\\n  || b' \\\n && c");
        assert_eq!(child("echo ${x?} \\\n  # why\n  || b"), format!("RUN /bin/bash -c '{fails}' \\\n && c"));
    }

    #[test]
    fn what_stands_alone_stays_as_it_is() {
        let flags = ["--mount=x".to_owned()];
        let alone = |body: Body, source: &str| {
            join(&[Piece { body, source: Some(source.to_owned()), ..Piece::default() }], &Runner::default(), &flags)
                .lines
        };
        let script = |text: &str| Body::Script(Script::new(text, Dialect::Dash));
        assert_eq!(alone(script("a # b"), "a \\\n  # why\n # b"), "RUN --mount=x \\\n    a # b", "another text");
        for (body, source) in [
            (script("a b # c"), "a \\\n  # why\n  b # c"),
            (script("a\nb"), "<<EOF\na\nb\nEOF"),
            (Body::Words(vec!["a".to_owned(), "b".to_owned()]), "[ \"a\", \\\n  \"b\" ]"),
        ] {
            assert_eq!(alone(body, source), format!("RUN --mount=x \\\n    {source}"));
        }
        assert_eq!(alone(script("a"), "\\\n  # why\n  a"), "RUN --mount=x \\\n  # why\n  a");
        assert_eq!(alone(Body::Words(vec!["a".to_owned()]), "a"), "RUN --mount=x \\\n    [\"a\"]");
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
