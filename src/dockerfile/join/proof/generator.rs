//! Random scripts, made of what people write in a RUN and of what goes wrong in them.

use std::path::{Path, PathBuf};

use super::super::{Body, Piece, Runner};
use super::world::Shell;
use crate::dockerfile::shell::{Dialect, Script};

pub(super) struct Generator {
    state: u64,
    is_bash: bool,
    root: PathBuf,
    /// Whether the script may span lines.
    has_lines: bool,
    /// Within a function, which must not call itself for ever.
    in_function: bool,
}

/// Simple commands; `N` becomes a digit, `F` a file.
const COMMANDS: [&str; 58] = [
    "true",
    "false",
    "echo N",
    "echo \"$x\"",
    "echo $y",
    "test -f F",
    "[ -f F ]",
    "[ -d d ]",
    "echo N > F",
    "echo N >> F",
    ": > F",
    "rm -f F",
    "rm F",
    "mkdir -p d",
    "mkdir d",
    "cd d",
    "cd work",
    "cd ./work",
    "x=N",
    "x=",
    "export y=N",
    "umask 077",
    "umask 022",
    "exit N",
    "exit 0",
    "f",
    "echo \"v=$(printf '%s' \"a && b\")\"",
    "echo \"a ; b\"",
    "echo 'a  &&  b'",
    "echo `echo N`",
    "x=$(false; echo N)",
    "x=$(exit N)",
    "echo ${x:-N}",
    "echo ${z:=N}",
    "echo \"${x:+set}\"",
    "echo $((N + 1))",
    "set -- a b; echo $#",
    "echo *",
    "set -f",
    "eval 'x=N'",
    "eval 'set -e'",
    "unset x",
    "trap 'echo bye' EXIT",
    "trap 'echo bye; exit N' EXIT",
    "exec true",
    "exec > F",
    "readonly r=N",
    "command echo N",
    "read x < F",
    "return N",
    "printf '%s\\n' \"$x\"",
    "y=N sh -c 'echo $y'",
    "echo \"$-\" > /dev/null",
    "wait",
    "pwd",
    "echo a\\ b",
    "echo \"a\\\"b\"",
    "! true",
];

/// The same for scripts that are run by `bash`, or by a shell that may be another one.
const BASH_COMMANDS: [&str; 8] = [
    "[[ -d d && -d work ]]",
    "[[ -f F || 1 -eq N ]]",
    "declare x=N",
    "a=(1 2); echo ${a[1]}",
    "echo N &> F",
    "shopt -s nullglob",
    "echo ${x//a/b}",
    "echo $'a\\tb'",
];

const OPTIONS: [&str; 10] = [
    "set -e",
    "set -u",
    "set -x",
    "set -eux",
    "set -ex",
    "set -o errexit",
    "set -o pipefail",
    "set +e",
    "set -eu",
    "set -e -o pipefail",
];

impl Generator {
    pub(super) fn new(seed: u64, is_bash: bool, root: PathBuf) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        Generator { state, is_bash, root, has_lines: false, in_function: false }
    }

    /// Splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or(0) % end
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(super) fn runner(&mut self, shell: &Shell) -> Runner {
        let program = shell.sh.to_string_lossy().into_owned();
        let options: &[&str] = match self.below(8) {
            0 => &["-ec"],
            1 if shell.is_bash => &["-o", "pipefail", "-c"],
            2 if shell.is_bash => &["-euo", "pipefail", "-c"],
            3 => &["-uc"],
            _ => &["-c"],
        };
        let known = [("dash", Dialect::Dash), ("bash", Dialect::Bash), ("busybox", Dialect::Busybox)];
        let known = known.iter().find(|(name, _)| *name == shell.name).map_or(Dialect::Bash, |(_, dialect)| *dialect);
        // Often the image does not tell which shell it is.
        let dialect = if self.one_in(2) { known } else { Dialect::Unknown };
        let words: Vec<String> =
            [program].into_iter().chain(options.iter().map(|option| (*option).to_owned())).collect();
        Runner::new(&words, dialect).expect("a shell that is understood")
    }

    pub(super) fn pieces(&mut self, runner: &Runner) -> Vec<Piece> {
        let count = 2 + self.below(3);
        (0..count).map(|_| self.piece(runner)).collect()
    }

    fn piece(&mut self, runner: &Runner) -> Piece {
        let directory = self.one_in(8).then(|| self.path("work"));
        let variables =
            if self.one_in(8) { vec![("y".to_owned(), self.pick(&["1", "a b", "it's"]).to_owned())] } else { vec![] };
        if self.one_in(12) {
            let words =
                [&["true"][..], &["false"], &["echo", "a  b", "$x"], &["touch", "made"], &["sh", "-c", "echo \"$y\""]];
            let words = words[self.below(words.len())].iter().map(|word| (*word).to_owned()).collect();
            return Piece { body: Body::Words(words), directory, variables, source: None };
        }
        self.has_lines = self.one_in(6);
        let text = self.script();
        let script = Script::new(&text, runner.dialect);
        let source = (!script.has_lines() && self.one_in(2)).then(|| self.source(script.text()));
        Piece { body: Body::Script(script), directory, variables, source }
    }

    /// Lays a text out as people do in a Dockerfile: lines are continued before some of its spaces, also between quotes.
    fn source(&mut self, text: &str) -> String {
        let mut source = self.pick(&["", "", "\\\n  ", "\\\n  # it's first\n  "]).to_owned();
        for (at, c) in text.char_indices() {
            let is_place = c == ' ' && !text[..at].ends_with('\\') && !text[at..].trim_start().starts_with('#');
            if is_place && at > 0 && self.one_in(4) {
                source.push_str(self.pick(&["\\\n", "\\\n", "\\\n# why && \"not\"\n"]));
            }
            source.push(c);
        }
        source
    }

    fn path(&self, name: &str) -> String {
        let path: &Path = &self.root.join(name);
        path.to_string_lossy().into_owned()
    }

    fn script(&mut self) -> String {
        if self.one_in(3) {
            let count = 1 + self.below(4);
            return (0..count).map(|_| self.command()).collect::<Vec<_>>().join(" && ");
        }
        let mut text = String::new();
        if self.one_in(3) {
            text.push_str(self.pick(&OPTIONS));
            text.push_str(self.pick(&["; ", " && ", ";  "]));
        }
        text.push_str(&self.list(3));
        if self.one_in(20) {
            text.push_str(self.pick(&[" # a comment && false", ";", " &", " \\"]));
        }
        text
    }

    fn list(&mut self, depth: usize) -> String {
        let count = 1 + self.below(3);
        let mut text = String::new();
        for at in 0..count {
            if at > 0 {
                let separators: &[&str] = if self.has_lines {
                    &["\n", " && ", "; ", " ||\n", " # why\n", " \\\n && "]
                } else {
                    &["; ", "; ", " && ", " && ", " || ", " & wait; ", ";"]
                };
                let choice = self.below(separators.len());
                let is_rare = separators[choice].contains('&') && !separators[choice].contains("&&") && !self.one_in(4);
                text.push_str(if is_rare { "; " } else { separators[choice] });
            }
            text.push_str(&self.part(depth));
        }
        text
    }

    fn part(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.command();
        }
        let inner = depth - 1;
        match self.below(20) {
            0 => format!("( {} )", self.list(inner)),
            1 => format!("{{ {}; }}", self.list(inner).trim_end_matches([';', '&', '\\', ' '])),
            2 => format!("if {}; then {}; fi", self.command(), self.list(inner)),
            3 => format!("if {}; then {}; else {}; fi", self.command(), self.command(), self.list(inner)),
            4 => format!("for i in 1 2; do echo $i; {}; done", self.list(inner)),
            5 => format!("case $x in 1|2) {};; *) {};; esac", self.command(), self.list(inner)),
            6 => {
                let outer = std::mem::replace(&mut self.in_function, true);
                let body = self.list(inner);
                self.in_function = outer;
                format!("f() {{ {body}; }}")
            }
            7 => format!("while false; do {}; done", self.command()),
            8 => format!("{} | cat", self.command()),
            9 => format!("! {}", self.command().trim_start_matches("! ")),
            10 => format!("echo \"$({})\"", self.list(inner)),
            11 => format!("x=$({})", self.list(inner)),
            12 if self.has_lines => {
                format!("cat <<EOF > here\n{}\n$x `echo N`\nEOF\n{}", self.command(), self.command())
            }
            13 if self.has_lines => format!("cat <<'END'\n$x && b)\nEND\n{}", self.command()),
            14 => self.pick(&OPTIONS).to_owned(),
            _ => self.command(),
        }
    }

    fn command(&mut self) -> String {
        let is_bashism = self.is_bash && self.one_in(8) || self.one_in(60);
        let text = if is_bashism { self.pick(&BASH_COMMANDS) } else { self.pick(&COMMANDS) };
        let text = if text == "f" && self.in_function { "true" } else { text };
        let digit = self.below(4).to_string();
        let file = self.pick(&["one", "two", "three"]);
        let mut out = String::new();
        for c in text.chars() {
            match c {
                'N' => out.push_str(&digit),
                'F' => out.push_str(file),
                c => out.push(c),
            }
        }
        out
    }
}
