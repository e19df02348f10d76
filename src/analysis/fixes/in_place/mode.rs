//! The modes that `chmod` is given: what they make of a file's mode, and how `find` tells the files that they would change.
//!
//! [POSIX chmod](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/chmod.html), and GNU's where that leaves it open.

/// What a mode without `u`, `g`, `o` or `a` leaves alone: the umask of builds.
const UMASK: u16 = 0o022;

const SPECIAL: u16 = 0o6000;
const EXECUTE: u16 = 0o111;

/// The word of a `chmod`, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mode {
    /// As it was written: nothing in it is the shell's.
    pub text: String,
    clauses: Vec<Clause>,
}

/// One change, like `go-w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clause {
    /// The bits that it may touch.
    affected: u16,
    operator: char,
    value: u16,
    /// Setuid and setgid that it names itself: else folders keep theirs.
    mentioned: u16,
    sort: Sort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// An octal number.
    Octal,
    Plain,
    /// With an `X`: as with an `x`, but only for folders and what somebody can execute.
    Conditional,
    /// From the user's, the group's or the others' bits.
    Copied,
}

impl Mode {
    /// Understands a mode.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.bytes().all(|digit| (b'0'..b'8').contains(&digit)) {
            let value = u16::from_str_radix(text, 8).ok().filter(|value| text.len() <= 4 && *value <= 0o7777)?;
            let clause =
                Clause { affected: 0o7777, operator: '=', value, mentioned: value & SPECIAL, sort: Sort::Octal };
            return Some(Mode { text: text.to_owned(), clauses: vec![clause] });
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            let operator = part.find(['+', '-', '='])?;
            let (who, mut rest) = part.split_at(operator);
            let mut affected = 0;
            for letter in who.chars() {
                affected |= class(letter)?;
            }
            while let Some(operator) = rest.chars().next() {
                let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |end| end + 1);
                clauses.push(clause(affected, operator, &rest[1..end])?);
                rest = &rest[end..];
            }
        }
        Some(Mode { text: text.to_owned(), clauses })
    }

    pub(super) fn is_symbolic(&self) -> bool {
        self.clauses.iter().any(|clause| clause.sort != Sort::Octal)
    }

    /// Returns what it makes of a mode.
    pub(super) fn apply(&self, mode: u16, is_directory: bool) -> u16 {
        let apply = |mode: u16, clause: &Clause| {
            let kept = if is_directory { SPECIAL & !clause.mentioned } else { 0 };
            let value = match clause.sort {
                Sort::Conditional if is_directory || mode & EXECUTE > 0 => clause.value | EXECUTE,
                Sort::Octal | Sort::Plain | Sort::Conditional => clause.value,
                Sort::Copied => spread(mode & clause.value),
            };
            let value = value & clause.affected & !kept;
            match clause.operator {
                '+' => mode | value,
                '-' => mode & !value,
                _ => (mode & (!clause.affected | kept)) | value,
            }
        };
        self.clauses.iter().fold(mode & 0o7777, apply)
    }

    /// Returns the conditions of a `find` for all files that it changes, and few others.
    ///
    /// What no part of the mode changes, the whole does not change.
    pub(super) fn test(&self) -> Option<String> {
        let mut terms: Vec<String> = Vec::new();
        for clause in &self.clauses {
            terms.extend(clause.terms(&self.text)?);
        }
        let mut known = std::collections::BTreeSet::new();
        terms.retain(|term| known.insert(term.clone()));
        match &terms[..] {
            [] => None,
            [term] => Some(term.clone()),
            terms => Some(format!("\\( {} \\)", terms.join(" -o "))),
        }
    }
}

impl Clause {
    fn terms(&self, text: &str) -> Option<Vec<String>> {
        let value = self.value & self.affected;
        let missing = |bits: u16| (bits > 0).then(|| format!("! -perm -{bits:04o}"));
        let any = |bits: u16| each(bits).map(|bit| format!("-perm -{bit:04o}"));
        Some(match (self.sort, self.operator) {
            (Sort::Octal, _) => vec![format!("! -perm {text}")],
            (Sort::Plain, '+') => missing(value).into_iter().collect(),
            (Sort::Plain, '-') => any(value).collect(),
            (Sort::Plain, _) => missing(value).into_iter().chain(any(self.affected & !value)).collect(),
            (Sort::Conditional, '+') => {
                let is_executable = "\\( -type d -o -perm -0100 -o -perm -0010 -o -perm -0001 \\)";
                let execute = missing(EXECUTE & self.affected).map(|test| format!("{is_executable} {test}"));
                missing(value).into_iter().chain(execute).collect()
            }
            (Sort::Conditional, _) => return None,
            (Sort::Copied, operator) => {
                let mut terms = Vec::new();
                for from in each(self.value) {
                    for to in each(spread(from) & self.affected).filter(|to| *to != from) {
                        let (has, lacks) = (format!("-perm -{from:04o}"), format!("! -perm -{from:04o}"));
                        let (set, unset) = (format!("-perm -{to:04o}"), format!("! -perm -{to:04o}"));
                        match operator {
                            '+' => terms.push(format!("{has} {unset}")),
                            '-' => terms.push(format!("{has} {set}")),
                            _ => terms.extend([format!("{has} {unset}"), format!("{lacks} {set}")]),
                        }
                    }
                    if operator == '-' && from & self.affected > 0 {
                        terms.push(format!("-perm -{from:04o}"));
                    }
                }
                terms.extend(any(if operator == '=' { self.affected & !0o777 } else { 0 }));
                terms
            }
        })
    }
}

/// Returns the bits of a `u`, `g`, `o` or `a`.
fn class(letter: char) -> Option<u16> {
    Some(match letter {
        'u' => 0o4700,
        'g' => 0o2070,
        'o' => 0o1007,
        'a' => 0o7777,
        _ => return None,
    })
}

fn clause(affected: u16, operator: char, letters: &str) -> Option<Clause> {
    let is_for_all = affected == 0;
    let affected = if is_for_all && operator != '=' { 0o7777 & !UMASK } else { affected };
    if let Some(from) = letters.chars().next().filter(|letter| letters.len() == 1 && "ugo".contains(*letter)) {
        let affected = if is_for_all { 0o7777 & !UMASK } else { affected };
        // Without a class, the others' bits would go, the umask aside: nobody writes that.
        let is_plain = !(is_for_all && operator == '=');
        let value = class(from)? & 0o777;
        return is_plain.then_some(Clause { affected, operator, value, mentioned: 0, sort: Sort::Copied });
    }
    let mut value = 0;
    for letter in letters.chars() {
        value |= match letter {
            'r' => 0o444,
            'w' => 0o222,
            'x' => EXECUTE,
            's' => SPECIAL,
            't' => 0o1000,
            'X' => 0,
            _ => return None,
        };
    }
    let sort = if letters.contains('X') { Sort::Conditional } else { Sort::Plain };
    if is_for_all && operator == '=' {
        let value = value & !UMASK;
        return (sort == Sort::Plain).then_some(Clause {
            affected: 0o7777,
            operator,
            value,
            mentioned: value & SPECIAL,
            sort,
        });
    }
    Some(Clause { affected, operator, value, mentioned: value & affected & SPECIAL, sort })
}

/// Gives what one class has to all of them.
fn spread(bits: u16) -> u16 {
    [0o444, 0o222, EXECUTE].into_iter().filter(|class| bits & class > 0).sum()
}

fn each(bits: u16) -> impl Iterator<Item = u16> {
    (0..12).rev().map(|place| 1 << place).filter(move |bit| bits & bit > 0)
}

#[cfg(test)]
mod tests {
    use super::Mode;

    /// The results are those of GNU's chmod 9.1 under umask 022; `chmods_agree` asks the one that is there.
    const CASES: [(&str, u16, bool, u16); 22] = [
        ("755", 0o644, false, 0o755),
        ("755", 0o2700, true, 0o2755),
        ("0755", 0o4700, false, 0o755),
        ("u+x", 0o644, false, 0o744),
        ("+x", 0o644, false, 0o755),
        ("+w", 0o444, false, 0o644),
        ("=r", 0o777, false, 0o444),
        ("g=u", 0o640, false, 0o660),
        ("g=u", 0o711, false, 0o771),
        ("g+u", 0o640, false, 0o660),
        ("o-g", 0o677, false, 0o670),
        ("a+rX", 0o600, false, 0o644),
        ("a+rX", 0o700, false, 0o755),
        ("a+rX", 0o700, true, 0o755),
        ("go-w", 0o666, false, 0o644),
        ("u=rwX,go=rX", 0o666, true, 0o755),
        ("u=rwX,go=rX", 0o666, false, 0o644),
        ("ug+s", 0o755, false, 0o6755),
        ("g=rx", 0o2777, true, 0o2757),
        ("g=rx", 0o2777, false, 0o757),
        ("u-x+w", 0o555, false, 0o655),
        ("o=", 0o1777, true, 0o770),
    ];

    #[test]
    fn modes_do_what_chmod_does() {
        for (text, before, is_directory, after) in CASES {
            let mode = Mode::parse(text).unwrap_or_else(|| panic!("{text} is a mode"));
            assert_eq!(
                mode.apply(before, is_directory),
                after,
                "{text} of {before:o}: {:o}",
                mode.apply(before, is_directory)
            );
        }
        for bad in ["", "8", "07777777", "x", "q+x", "u+q", "u+x,", "=u", "u"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tests_are_those_of_find() {
        for (text, test) in [
            ("755", "! -perm 755"),
            ("u+x", "! -perm -0100"),
            ("+x", "! -perm -0111"),
            ("go-w", "\\( -perm -0020 -o -perm -0002 \\)"),
            (
                "a+rX",
                "\\( ! -perm -0444 -o \\( -type d -o -perm -0100 -o -perm -0010 -o -perm -0001 \\) ! -perm -0111 \\)",
            ),
        ] {
            assert_eq!(Mode::parse(text).and_then(|mode| mode.test()).as_deref(), Some(test), "{text}");
        }
    }

    /// Every mode of a file and of a folder, changed by the real `chmod`, and looked for by the real `find`.
    #[cfg(target_os = "linux")]
    #[test]
    fn chmod_and_find_agree() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;
        use std::process::Command;

        let folder = tempfile::tempdir().expect("a folder");
        let bits = |path: &std::path::Path| {
            u16::try_from(fs::metadata(path).expect("there").permissions().mode() & 0o7777).expect("twelve bits")
        };
        // The umask is the process's: only what does not depend on it is asked for here.
        for text in
            ["u+x", "go-w", "a+rX", "g=u", "u=rwX,go=rX", "g+u,o-w", "ug+s", "o=g", "a=r", "o-u", "g=rx", "0750"]
        {
            let mode = Mode::parse(text).expect("a mode");
            let mut changed = Vec::new();
            let (mut paths, mut before) = (Vec::new(), Vec::new());
            for (at, wanted) in
                [0o644, 0o600, 0o755, 0o711, 0o666, 0o777, 0o4755, 0o2750, 0o000, 0o1777].iter().enumerate()
            {
                for is_directory in [false, true] {
                    let path = folder.path().join(format!("{}-{at}-{is_directory}", text.len()));
                    let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
                    if is_directory {
                        fs::create_dir(&path).expect("a folder");
                    } else {
                        fs::write(&path, "x").expect("a file");
                    }
                    fs::set_permissions(&path, fs::Permissions::from_mode(*wanted)).expect("a mode");
                    before.push(bits(&path));
                    paths.push(path);
                }
            }
            let found = mode.test().map(|test| {
                let script = format!("find \"$@\" -maxdepth 0 {test}");
                let found = Command::new("sh").args(["-c", &script, "sh"]).args(&paths).output().expect("a find");
                assert!(found.status.success(), "{script}: {}", String::from_utf8_lossy(&found.stderr));
                String::from_utf8(found.stdout).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
            });
            assert!(Command::new("chmod").arg(text).args(&paths).status().expect("a chmod").success());
            for (path, before) in paths.iter().zip(before) {
                let after = mode.apply(before, path.is_dir());
                assert_eq!(after, bits(path), "{text} of {before:o}, {}", path.display());
                if after != before {
                    changed.push(path.display().to_string());
                }
            }
            if let Some(found) = found {
                let missed: Vec<_> = changed.iter().filter(|path| !found.contains(path)).collect();
                assert!(missed.is_empty(), "{text}: find misses {missed:?}");
            }
        }
    }
}
