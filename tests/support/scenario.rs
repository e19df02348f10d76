//! Scenario files: layers above, what must be found in them below.
//!
//! One statement a line; `#` starts a comment line. A case needs no code: the files of `tests/scenarios` are all run.
//!
//! ```text
//! layer 1: file /data/one 1048576 0644 "a" owner=0:0 mtime=5 xattr=user.x:y
//! layer 1: dir /data 0755
//! layer 1: symlink /data/s -> one           (mode=0755 for a mode that is not 0777)
//! layer 1: link /data/two -> /data/one
//! layer 1: char /dev/null 1:3 0666          (also: block)
//! layer 1: fifo /run/pipe 0600
//! layer 2: whiteout /data/one
//! layer 2: opaque /data
//! layer 3: empty                            (a layer without members)
//! layer 3: cut                              (its tar ends right after the last byte of content)
//! layer 3: pax                              (long names go into PAX records, not into GNU members)
//! layer 3: global                           (a PAX global header, which is no entry)
//! changes: 2 C /data/one content, mode 0644 -> 0755
//! changes: 2 D /data/two 1048576 bytes
//! waste: /data/one 1048576 in 1 by 2 deleted
//! total: stored 1048576 final 0 wasted 1048576
//! ```
//!
//! A file's content is its size in bytes of its seed, repeated; an empty seed is zeros. Metadata that is not stated is
//! root's, at time 0. A name without quotes is written as builders write it, without the leading `/` (and with `/` at
//! the end of a directory's); a name in quotes goes into the tar as it is. In both, `\xNN` is a byte and `\\` a
//! backslash. The expectations are complete: a change or a waste record that is not stated must not be found.

use super::findings::{Change, ChangeKind, Findings, Totals, Waste};
use super::layer::{Ending, Item, Kind, LayerSpec, LongNames, Member, Metadata, pax_global_header};
use super::text::{escape, unescape};

/// One case: an image and what must be found in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub layers: Vec<LayerSpec>,
    pub expected: Findings,
}

impl Scenario {
    /// Reads a scenario file. Panics with the line that it does not understand: the files are part of the tests.
    pub fn parse(text: &str) -> Self {
        let mut scenario = Self { layers: Vec::new(), expected: Findings::default() };
        let mut has_total = false;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (head, rest) = line.split_once(": ").unwrap_or_else(|| panic!("no statement: {line}"));
            has_total |= head == "total";
            scenario.statement(head, rest).unwrap_or_else(|| panic!("cannot read: {line}"));
        }
        assert!(has_total, "a scenario states its total");
        scenario.expected = scenario.expected.sorted();
        scenario
    }

    fn statement(&mut self, head: &str, rest: &str) -> Option<()> {
        match head {
            "changes" => self.expected.changes.push(change(rest)?),
            "waste" => self.expected.waste.push(waste(rest)?),
            "total" => self.expected.totals = totals(rest)?,
            _ => add_to_layer(self.layer(head.strip_prefix("layer ")?)?, rest)?,
        }
        Some(())
    }

    /// Returns the layer with this number; a number that comes first adds the layer.
    fn layer(&mut self, number: &str) -> Option<&mut LayerSpec> {
        let number: usize = number.parse().ok()?;
        if number == self.layers.len() + 1 {
            self.layers.push(LayerSpec::default());
        }
        self.layers.get_mut(number.checked_sub(1)?)
    }
}

fn add_to_layer(layer: &mut LayerSpec, statement: &str) -> Option<()> {
    match statement {
        "empty" => {}
        "cut" => layer.ending = Ending::Cut,
        "pax" => layer.long_names = LongNames::Pax,
        "global" => layer.items.push(Item::Raw(pax_global_header())),
        _ => layer.items.push(Item::Member(member(&words(statement))?)),
    }
    Some(())
}

fn member(words: &[Word]) -> Option<Member> {
    let (verb, rest) = words.split_first()?;
    let (name, rest) = rest.split_first()?;
    match (verb.text.as_str(), rest) {
        ("whiteout", []) => Some(Member::whiteout(&name.as_name())),
        ("opaque", []) => Some(Member::opaque(&name.as_name())),
        ("file", [size, mode, seed, attributes @ ..]) => {
            let content = content(size.text.parse().ok()?, &unescape(&seed.text));
            new_member(name.as_name(), Kind::File(content), mode, attributes)
        }
        ("dir", [mode, attributes @ ..]) => new_member(name.as_directory_name(), Kind::Directory, mode, attributes),
        ("fifo", [mode, attributes @ ..]) => new_member(name.as_name(), Kind::Fifo, mode, attributes),
        ("char" | "block", [numbers, mode, attributes @ ..]) => {
            new_member(name.as_name(), device(&verb.text, &numbers.text)?, mode, attributes)
        }
        ("symlink" | "link", [arrow, target, attributes @ ..]) if arrow.text == "->" => {
            let kind = link(&verb.text, target);
            Some(Member::new(name.as_name(), kind, metadata(0o777, attributes)?))
        }
        _ => None,
    }
}

fn new_member(name: Vec<u8>, kind: Kind, mode: &Word, attributes: &[Word]) -> Option<Member> {
    let mode = u32::from_str_radix(&mode.text, 8).ok()?;
    Some(Member::new(name, kind, metadata(mode, attributes)?))
}

fn link(verb: &str, target: &Word) -> Kind {
    // A symlink's target is text of its own, a hard link's is a name of the archive.
    if verb == "symlink" { Kind::Symlink(unescape(&target.text)) } else { Kind::HardLink(target.as_name()) }
}

fn device(verb: &str, numbers: &str) -> Option<Kind> {
    let (major, minor) = numbers.split_once(':')?;
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    Some(if verb == "char" { Kind::CharDevice { major, minor } } else { Kind::BlockDevice { major, minor } })
}

fn metadata(mode: u32, attributes: &[Word]) -> Option<Metadata> {
    let mut metadata = Metadata::with_mode(mode);
    for attribute in attributes {
        let (key, value) = attribute.text.split_once('=')?;
        match key {
            "mode" => metadata.mode = u32::from_str_radix(value, 8).ok()?,
            "owner" => (metadata.uid, metadata.gid) = owner(value)?,
            "mtime" => metadata.mtime = value.parse().ok()?,
            "xattr" => {
                let (name, value) = value.split_once(':')?;
                metadata.xattrs.insert(name.to_owned(), unescape(value));
            }
            _ => return None,
        }
    }
    Some(metadata)
}

fn owner(text: &str) -> Option<(u64, u64)> {
    let (uid, gid) = text.split_once(':')?;
    Some((uid.parse().ok()?, gid.parse().ok()?))
}

/// Returns `size` bytes of `seed`, repeated.
fn content(size: usize, seed: &[u8]) -> Vec<u8> {
    let seed = if seed.is_empty() { b"\0" } else { seed };
    seed.iter().copied().cycle().take(size).collect()
}

fn change(text: &str) -> Option<Change> {
    let mut parts = text.splitn(4, ' ');
    let layer = parts.next()?.parse().ok()?;
    let kind = ChangeKind::from_letter(parts.next()?)?;
    let path = absolute(parts.next()?)?;
    let rest = parts.next().unwrap_or("");
    let (what, bytes) = match kind {
        ChangeKind::Added if rest.is_empty() => (Vec::new(), 0),
        ChangeKind::Added => return None,
        ChangeKind::Changed => (rest.split(", ").filter(|what| !what.is_empty()).map(str::to_owned).collect(), 0),
        ChangeKind::Deleted => (Vec::new(), rest.strip_suffix(" bytes")?.parse().ok()?),
    };
    Some(Change { layer, path, kind, what, bytes, files: 0 })
}

fn waste(text: &str) -> Option<Waste> {
    let words: Vec<&str> = text.split(' ').collect();
    let [path, bytes, "in", stored_in, "by", hidden_by, cause] = words.as_slice() else { return None };
    Some(Waste {
        path: absolute(path)?,
        bytes: bytes.parse().ok()?,
        stored_in: stored_in.parse().ok()?,
        hidden_by: hidden_by.parse().ok()?,
        cause: (*cause).to_owned(),
        what: Vec::new(),
    })
}

fn totals(text: &str) -> Option<Totals> {
    let words: Vec<&str> = text.split(' ').collect();
    let ["stored", stored, "final", last, "wasted", wasted] = words.as_slice() else { return None };
    Some(Totals {
        stored_bytes: stored.parse().ok()?,
        final_bytes: last.parse().ok()?,
        wasted_bytes: wasted.parse().ok()?,
    })
}

fn absolute(path: &str) -> Option<Vec<u8>> {
    path.starts_with('/').then(|| unescape(path))
}

/// A word of a statement; in quotes it may hold spaces, and a name is taken as it is.
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn as_name(&self) -> Vec<u8> {
        let text = if self.quoted { &self.text } else { self.text.strip_prefix('/').unwrap_or(&self.text) };
        unescape(text)
    }

    fn as_directory_name(&self) -> Vec<u8> {
        let mut name = self.as_name();
        if !self.quoted {
            name.push(b'/');
        }
        name
    }
}

fn words(statement: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (number, part) in statement.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(Word { text: part.to_owned(), quoted: true });
        } else {
            words.extend(part.split_whitespace().map(|text| Word { text: text.to_owned(), quoted: false }));
        }
    }
    words
}

/// Returns the layers as the upper half of a scenario file: what a random test prints can be kept as a case.
pub fn statements(layers: &[LayerSpec]) -> String {
    (1..).zip(layers).flat_map(|(number, layer)| layer_statements(number, layer)).collect()
}

fn layer_statements(number: usize, layer: &LayerSpec) -> Vec<String> {
    let mut words = vec!["empty".to_owned()];
    words.extend((layer.long_names == LongNames::Pax).then(|| "pax".to_owned()));
    words.extend((layer.ending == Ending::Cut).then(|| "cut".to_owned()));
    words.extend(layer.items.iter().map(item_statement));
    words.iter().map(|statement| format!("layer {number}: {statement}\n")).collect()
}

fn item_statement(item: &Item) -> String {
    let Item::Member(member) = item else { return "global".to_owned() };
    let (name, Metadata { mode, uid, gid, mtime, xattrs }) = (escape(&member.name), &member.metadata);
    let mut text = match &member.kind {
        Kind::File(content) => format!(r#"file "{name}" {} {mode:04o} "{}""#, content.len(), escape(content)),
        Kind::Directory => format!(r#"dir "{name}" {mode:04o}"#),
        Kind::Symlink(target) => format!(r#"symlink "{name}" -> "{}""#, escape(target)),
        Kind::HardLink(target) => format!(r#"link "{name}" -> "{}""#, escape(target)),
        Kind::CharDevice { major, minor } => format!(r#"char "{name}" {major}:{minor} {mode:04o}"#),
        Kind::BlockDevice { major, minor } => format!(r#"block "{name}" {major}:{minor} {mode:04o}"#),
        Kind::Fifo => format!(r#"fifo "{name}" {mode:04o}"#),
    };
    if matches!(member.kind, Kind::Symlink(_) | Kind::HardLink(_)) {
        text.extend([format!(" mode={mode:04o}")]);
    }
    text.extend([format!(" owner={uid}:{gid} mtime={mtime}")]);
    text.extend(xattrs.iter().map(|(name, value)| format!(" xattr={name}:{}", escape(value))));
    text
}
