//! Which strings of a program are commands, and which are only words.
//!
//! The rule of thumb: a string is a command line where it stands as one. A single word counts as the first thing in a list
//! or in a call; several words count where the first is no everyday word, or the second looks like an argument, or the call
//! around them runs something. Whether the image has a command of that name decides the rest.

use super::text::Literal;

/// Commands whose names are everyday words: as an argument or at the beginning of a sentence they mean nothing.
const EVERYDAY: [&[u8]; 96] = [
    b"test",
    b"install",
    b"time",
    b"make",
    b"as",
    b"which",
    b"find",
    b"file",
    b"less",
    b"more",
    b"sort",
    b"who",
    b"id",
    b"date",
    b"at",
    b"link",
    b"kill",
    b"top",
    b"watch",
    b"write",
    b"wall",
    b"look",
    b"split",
    b"join",
    b"cut",
    b"head",
    b"tail",
    b"true",
    b"false",
    b"yes",
    b"login",
    b"mail",
    b"apply",
    b"script",
    b"dir",
    b"col",
    b"host",
    b"info",
    b"man",
    b"chat",
    b"clear",
    b"reset",
    b"expand",
    b"paste",
    b"last",
    b"w",
    b"ld",
    b"ar",
    b"nm",
    b"size",
    b"strings",
    b"strip",
    b"sum",
    b"groups",
    b"users",
    b"comm",
    b"fold",
    b"nice",
    b"free",
    b"uptime",
    b"locate",
    b"view",
    b"rev",
    b"env",
    b"start",
    b"stop",
    b"service",
    b"init",
    b"command",
    b"c",
    b"ex",
    b"vi",
    b"ed",
    b"m4",
    b"bc",
    b"dc",
    b"import",
    b"display",
    b"compare",
    b"animate",
    b"stream",
    b"identify",
    b"convert",
    b"conjure",
    b"shuf",
    b"tee",
    b"touch",
    b"echo",
    b"printf",
    b"sleep",
    b"wait",
    b"arch",
    b"logger",
    b"select",
    b"patch",
    b"tree",
];
/// Second words of sentences.
const PROSE: [&[u8]; 40] = [
    b"is",
    b"are",
    b"was",
    b"were",
    b"be",
    b"not",
    b"the",
    b"a",
    b"an",
    b"and",
    b"or",
    b"to",
    b"of",
    b"for",
    b"in",
    b"on",
    b"has",
    b"have",
    b"needs",
    b"will",
    b"can",
    b"cannot",
    b"must",
    b"should",
    b"does",
    b"do",
    b"did",
    b"failed",
    b"error",
    b"command",
    b"with",
    b"from",
    b"at",
    b"by",
    b"that",
    b"this",
    b"it",
    b"=",
    b":",
    b"returned",
];
/// Calls that run what they are given; the end of the callee's name.
const RUNNERS: [&[u8]; 29] = [
    b"system",
    b"popen",
    b"Popen",
    b"exec",
    b"execSync",
    b"execFile",
    b"execFileSync",
    b"execa",
    b"execaSync",
    b"execaCommand",
    b"spawn",
    b"spawnSync",
    b"run",
    b"call",
    b"check_call",
    b"check_output",
    b"getoutput",
    b"getstatusoutput",
    b"create_subprocess_exec",
    b"create_subprocess_shell",
    b"execvp",
    b"execlp",
    b"execv",
    b"shell_exec",
    b"passthru",
    b"proc_open",
    b"which",
    b"ProcessBuilder",
    b"Command",
];

/// Says whether a bare word is too common to be taken for a command where it stands as an argument.
pub(super) fn is_everyday(word: &[u8]) -> bool {
    word.len() < 2 || EVERYDAY.contains(&word)
}

/// Returns the part of a string that is a command line, where it stands as one.
pub(super) fn command_line<'a>(text: &[u8], literal: &Literal<'a>) -> Option<&'a [u8]> {
    let value = literal.value.trim_ascii();
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let first = words.next()?;
    if !first.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.+/-".contains(byte)) {
        return None;
    }
    let place = Place::of(text, literal);
    let is_line = match words.next() {
        _ if place.is_run || is_shell_quote(text, literal) => true,
        None => place.is_first,
        Some(_) if place.is_key => false,
        Some(second) if PROSE.contains(&second) => false,
        Some(second) => !is_everyday(first) || looks_like_argument(second),
    };
    is_line.then_some(value)
}

fn looks_like_argument(word: &[u8]) -> bool {
    matches!(word.first(), Some(b'-' | b'/' | b'.' | b'$' | b'{' | b'%' | b'<' | b'>' | b'|' | b'&'))
        || word.iter().any(|byte| b"/*=".contains(byte))
}

/// Backticks of Ruby, Perl and PHP run what is in them; those of JavaScript are strings, often commands.
fn is_shell_quote(text: &[u8], literal: &Literal<'_>) -> bool {
    let before = text[..literal.start.saturating_sub(1)].trim_ascii_end().last().copied().unwrap_or(b'=');
    literal.quote == b'`' && b"=(,;{}\n".contains(&before)
}

/// How a string stands in the text around it.
struct Place {
    /// The first thing in a list or in a call, or alone.
    is_first: bool,
    /// A call around it runs what it is given.
    is_run: bool,
    /// A key of a table.
    is_key: bool,
}

impl Place {
    fn of(text: &[u8], literal: &Literal<'_>) -> Self {
        let mut before = text[..literal.start.saturating_sub(1)].trim_ascii_end();
        // Prefixes of Python's strings.
        if before.len() + 1 == literal.start && before.last().is_some_and(|byte| b"rfbuRFBU".contains(byte)) {
            before = before[..before.len() - 1].trim_ascii_end();
        }
        let after = text[(literal.end + 1).min(text.len())..].trim_ascii_start().first().copied().unwrap_or(0);
        let is_key = after == b':' && before.last().is_some_and(|byte| b"{,".contains(byte));
        let opens = |byte: Option<&u8>| matches!(byte, Some(b'(' | b'['));
        let mut callee = before;
        let is_list = callee.last() == Some(&b'[');
        while opens(callee.last()) {
            callee = callee[..callee.len() - 1].trim_ascii_end();
        }
        let name_start = callee.iter().rposition(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
        let name = &callee[name_start.map_or(0, |at| at + 1)..];
        // `x["make"]` takes a value out of a table.
        let is_index = is_list && before.len() == callee.len() + 1 && !name.is_empty() && !is_keyword(name);
        let is_first = opens(before.last()) && !is_index;
        Place { is_first: is_first && !is_key, is_run: is_first && RUNNERS.contains(&name), is_key }
    }
}

fn is_keyword(name: &[u8]) -> bool {
    [&b"return"[..], b"in", b"yield", b"await", b"else", b"and", b"or", b"not"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::super::text::literals;
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let text = text.as_bytes();
        let found = literals(text).filter_map(|literal| command_line(text, &literal));
        found.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn strings_are_commands_where_they_stand_as_such() {
        assert_eq!(lines(r#"subprocess.run(["gcc", "-c", x])"#), ["gcc"]);
        assert_eq!(lines("exec('git describe')"), ["git describe"]);
        assert_eq!(lines(r#"cmd = "git log -1""#), ["git log -1"]);
        assert_eq!(lines(r#"x = {"make": 1, "git": 2}; y = x["make"]"#), [""; 0]);
        assert_eq!(lines(r#"print(a, "make sure that it works")"#), [""; 0]);
        assert_eq!(lines(r#"a = "make -j4""#), ["make -j4"]);
        assert_eq!(lines("v = `git describe --tags`"), ["git describe --tags"]);
        assert_eq!(lines(r#"os.system("make all")"#), ["make all"]);
        assert_eq!(lines(r#"const tools = ["convert"];"#), ["convert"]);
        assert_eq!(lines(r#"app.get("/", f)"#), ["/"]);
    }
}
