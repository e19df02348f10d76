//! The table of keys: what each does, where, and its description. Dispatch, footer, help and the README's list come from
//! it; the configuration can change the keys, nothing else.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::layout::Pane;

/// A key with its modifiers, written `q`, `G`, `ctrl-d`, `enter`, `f1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

const NAMED: [(&str, KeyCode); 13] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
];

/// With ctrl, terminals take these for other keys, or stop their output.
const UNUSABLE_WITH_CTRL: [char; 6] = ['m', 'i', 'h', '[', 's', 'q'];

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is not a key: write q, G, ctrl-d, enter, space, f1, …");
        let (ctrl, name) = text.strip_prefix("ctrl-").map_or((false, text), |name| (true, name));
        let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
        let function = || name.strip_prefix('f').and_then(|n| n.parse().ok()).map(KeyCode::F);
        let mut chars = name.chars();
        let single = match (chars.next(), chars.next()) {
            (Some(c), None) => Some(KeyCode::Char(c)),
            _ => None,
        };
        let code = single.or(named).or_else(function).ok_or_else(unknown)?;
        match code {
            KeyCode::Char(c) if ctrl && UNUSABLE_WITH_CTRL.contains(&c) => {
                Err(format!("{text} cannot be used: terminals send it as another key"))
            }
            _ => Ok(Key { code, ctrl }),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            out.write_str("Ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => out.write_str("Space"),
            KeyCode::Char(c) => write!(out, "{c}"),
            KeyCode::F(number) => write!(out, "F{number}"),
            KeyCode::Up => out.write_str("↑"),
            KeyCode::Down => out.write_str("↓"),
            KeyCode::Left => out.write_str("←"),
            KeyCode::Right => out.write_str("→"),
            KeyCode::PageUp => out.write_str("PgUp"),
            KeyCode::PageDown => out.write_str("PgDn"),
            KeyCode::BackTab => out.write_str("Shift-Tab"),
            code => write!(out, "{code:?}"),
        }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Key { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below describes them")]
pub enum Action {
    Quit,
    Back,
    Help,
    NextPane,
    PreviousPane,
    Pane(Pane),
    Up,
    Down,
    Top,
    Bottom,
    HalfPageUp,
    HalfPageDown,
    PageUp,
    PageDown,
    Open,
    Close,
    Enter,
    ExpandBelow,
    ExpandAll,
    CollapseBelow,
    CollapseAll,
    Find,
    FindNext,
    FindPrevious,
    Filter,
    Sort,
    Reverse,
    ShowAdded,
    ShowChanged,
    ShowDeleted,
    ShowUnmodified,
    OnlyWaste,
    Scope,
    Fold,
    Mark,
    MarkFix,
    ShowFixLayers,
    ShowPatch,
    CopyPatch,
    WritePatch,
    PreviousLayer,
    NextLayer,
    Content,
    Extract,
    ExtractPath,
    TextOrHex,
    Zoom,
    Copy,
    CopyFix,
    Report,
    Units,
    Mouse,
    Suspend,
    Redraw,
}

/// Where a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Everywhere but while text is typed.
    Always,
    /// In every pane, and nowhere else.
    Panes,
    /// In every pane and in a file's content.
    Search,
    /// In some panes.
    In(&'static [Pane]),
    /// Where a file's content is shown.
    Content,
    /// Where a patch is shown.
    Patch,
}

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// A pane.
    Pane(Pane),
    /// The list of keys.
    Help,
    /// A file's content.
    Content,
    /// The patch of the fixes.
    Patch,
}

impl Focus {
    fn all() -> impl Iterator<Item = Focus> {
        Pane::ALL.into_iter().map(Focus::Pane).chain([Focus::Help, Focus::Content, Focus::Patch])
    }
}

impl When {
    fn covers(self, focus: Focus) -> bool {
        match (self, focus) {
            (When::Always, _) | (When::Panes | When::Search, Focus::Pane(_)) => true,
            (When::Search | When::Content, focus) => focus == Focus::Content,
            (When::In(panes), Focus::Pane(pane)) => panes.contains(&pane),
            (When::Patch, focus) => focus == Focus::Patch,
            (When::Panes | When::In(_), _) => false,
        }
    }

    fn heading(self) -> String {
        match self {
            When::Always => "Everywhere".to_owned(),
            When::Panes => "In every pane".to_owned(),
            When::Search => "In every pane, in a file's content".to_owned(),
            When::In(panes) => panes.iter().map(|pane| pane.name()).collect::<Vec<_>>().join(" and "),
            When::Content => "Content of a file".to_owned(),
            When::Patch => "Patch".to_owned(),
        }
    }

    /// Orders the help: keys of several panes come before those of the first of them alone.
    fn rank(self) -> (usize, usize, Reverse<usize>) {
        match self {
            When::Always => (0, 0, Reverse(0)),
            When::Panes => (1, 0, Reverse(0)),
            When::Search => (2, 0, Reverse(0)),
            When::In(panes) => (3, panes.first().map_or(0, |pane| pane.index()), Reverse(panes.len())),
            When::Content => (4, 0, Reverse(0)),
            When::Patch => (5, 0, Reverse(0)),
        }
    }
}

/// One line of the table: an action with its keys.
struct Binding {
    keys: &'static str,
    action: Action,
    /// Its name in the configuration.
    name: &'static str,
    /// Its description in the help.
    help: &'static str,
    /// Its word in the footer; empty = not shown.
    short: &'static str,
    when: When,
}

const fn bind(
    keys: &'static str,
    action: Action,
    name: &'static str,
    help: &'static str,
    short: &'static str,
    when: When,
) -> Binding {
    Binding { keys, action, name, help, short, when }
}

use Action as A;
use When as W;

const LAYERS: When = When::In(&[Pane::Layers]);
const FILES: When = When::In(&[Pane::Files]);
const ROWS: When = When::In(&[Pane::Files, Pane::Waste]);
const FIXES: When = When::In(&[Pane::Fixes]);

/// The footer shows its words in this order, as many as fit.
const TABLE: [Binding; 59] = [
    bind("j down", A::Down, "down", "down", "", W::Always),
    bind("k up", A::Up, "up", "up", "", W::Always),
    bind("g home", A::Top, "top", "first row", "", W::Always),
    bind("G end", A::Bottom, "bottom", "last row", "", W::Always),
    bind("ctrl-d", A::HalfPageDown, "half-page-down", "half a page down", "", W::Always),
    bind("ctrl-u", A::HalfPageUp, "half-page-up", "half a page up", "", W::Always),
    bind("pgdn ctrl-f", A::PageDown, "page-down", "page down", "", W::Always),
    bind("pgup ctrl-b", A::PageUp, "page-up", "page up", "", W::Always),
    bind("right l", A::Open, "open", "open the directory or group", "", W::Panes),
    bind("left h", A::Close, "close", "close it, or go to the directory above", "", W::Panes),
    bind("tab", A::NextPane, "next-pane", "next pane", "pane", W::Panes),
    bind("shift-tab", A::PreviousPane, "previous-pane", "previous pane", "", W::Panes),
    bind("1", A::Pane(Pane::Layers), "layers", "Layers", "", W::Panes),
    bind("2", A::Pane(Pane::Files), "files", "Files", "", W::Panes),
    bind("3", A::Pane(Pane::Waste), "waste", "Waste", "", W::Panes),
    bind("4", A::Pane(Pane::Fixes), "fixes", "Fixes", "", W::Panes),
    bind("5", A::Pane(Pane::Details), "details", "Details", "", W::Panes),
    bind("space", A::Mark, "mark", "mark the layer, to see what merging the marked range would save", "mark", LAYERS),
    bind("space", A::MarkFix, "mark-fix", "mark the fix, or this way to do it", "mark", FIXES),
    bind("p", A::ShowPatch, "patch", "show the marked fixes (or all) as a patch of the Dockerfile", "patch", FIXES),
    bind("L", A::ShowFixLayers, "fix-layers", "mark the layers of the fix and go to them", "layers", FIXES),
    bind("b", A::Fold, "fold", "fold or unfold the base image's layers", "base", LAYERS),
    bind("enter", A::Enter, "enter", "open or close; from a layer, step or waste, go to its files", "", W::Panes),
    bind("[", A::PreviousLayer, "previous-layer", "previous layer; in Waste: the layer that stores it", "", W::Panes),
    bind("]", A::NextLayer, "next-layer", "next layer; in Waste: the layer that hides it", "", W::Panes),
    bind("v", A::Scope, "scope", "view: this layer, the image up to it, the final image", "view", W::Panes),
    bind("/", A::Find, "find", "find: in the whole tree as you type, in a file after Enter", "find", W::Search),
    bind("n", A::FindNext, "find-next", "next match", "", W::Search),
    bind("N", A::FindPrevious, "find-previous", "previous match", "", W::Search),
    bind("f", A::Filter, "filter", "filter: keep only matches and the directories above them", "filter", W::Panes),
    bind("s", A::Sort, "sort", "sort by the next key", "sort", ROWS),
    bind("S", A::Reverse, "reverse", "reverse the order", "", ROWS),
    bind("w", A::OnlyWaste, "only-waste", "show only what has waste", "waste", FILES),
    bind("o", A::Content, "content", "show the file's content", "content", ROWS),
    bind("X", A::ExtractPath, "extract-path", "extract the file or directory to a path you choose", "", ROWS),
    bind("A", A::ShowAdded, "added", "show or hide added paths", "", FILES),
    bind("C", A::ShowChanged, "changed", "show or hide changed paths", "", FILES),
    bind("D", A::ShowDeleted, "deleted", "show or hide deleted paths", "", FILES),
    bind("U", A::ShowUnmodified, "unmodified", "show or hide unmodified paths", "", FILES),
    bind("e", A::ExpandBelow, "expand", "open everything below", "", FILES),
    bind("E", A::CollapseBelow, "collapse", "close everything below", "", FILES),
    bind("=", A::ExpandAll, "expand-all", "open the whole tree", "", FILES),
    bind("-", A::CollapseAll, "collapse-all", "close the whole tree", "", FILES),
    bind("t", A::TextOrHex, "hex", "text or hexadecimal", "text/hex", W::Content),
    bind("x", A::Extract, "extract", "extract the file to a path you choose", "extract", W::Content),
    bind("y", A::CopyPatch, "copy-patch", "copy the patch", "copy", W::Patch),
    bind("x", A::WritePatch, "write-patch", "write the patch to a file", "write", W::Patch),
    bind("x", A::Report, "report", "write a report; asks for FORMAT=FILE", "", W::Panes),
    bind("y", A::Copy, "copy", "copy what is under the cursor", "", W::Panes),
    bind("Y", A::CopyFix, "copy-fix", "copy the Dockerfile lines of the fix", "", W::Panes),
    bind("z", A::Zoom, "zoom", "zoom: let the pane fill the screen", "", W::Panes),
    bind("u", A::Units, "units", "units: kB and MB, KiB and MiB, bytes", "", W::Always),
    bind("m", A::Mouse, "mouse", "mouse on or off (off: the terminal selects text)", "", W::Always),
    bind("? f1", A::Help, "help", "show this list", "help", W::Always),
    bind("esc", A::Back, "back", "close what is in front, stop work, clear filter and marks", "", W::Always),
    bind("ctrl-l", A::Redraw, "redraw", "redraw the screen", "", W::Always),
    bind("ctrl-z", A::Suspend, "suspend", "suspend: back to the shell (fg returns)", "", W::Always),
    bind("q", A::Quit, "quit", "quit", "quit", W::Always),
    bind("ctrl-c", A::Quit, "abort", "quit", "", W::Always),
];

/// The table with the user's keys.
#[derive(Debug, Clone)]
pub struct KeyMap {
    /// For each line of the table.
    keys: Vec<Vec<Key>>,
}

impl Default for KeyMap {
    fn default() -> Self {
        let parse = |keys: &str| keys.split(' ').filter_map(|key| key.parse().ok()).collect();
        KeyMap { keys: TABLE.iter().map(|line| parse(line.keys)).collect() }
    }
}

impl KeyMap {
    /// Replaces the keys of some actions, by name.
    ///
    /// # Errors
    /// A sentence about an unknown action, an unknown key, or a key that would mean two things.
    pub fn remapped(changes: &BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        let mut map = KeyMap::default();
        for (name, keys) in changes {
            let at = TABLE.iter().position(|line| line.name == name).ok_or_else(|| unknown(name))?;
            map.keys[at] = keys.iter().map(|key| key.parse()).collect::<Result<_, _>>()?;
        }
        map.check()?;
        Ok(map)
    }

    fn check(&self) -> Result<(), String> {
        for focus in Focus::all() {
            let mut seen: Vec<(Key, &str)> = Vec::new();
            for (line, keys) in TABLE.iter().zip(&self.keys).filter(|(line, _)| line.when.covers(focus)) {
                for key in keys {
                    if let Some((_, other)) = seen.iter().find(|(known, _)| known == key) {
                        return Err(format!("the key {key} would mean both {other} and {}", line.name));
                    }
                    seen.push((*key, line.name));
                }
            }
        }
        Ok(())
    }

    /// Returns what a key does.
    #[must_use]
    pub fn action(&self, key: Key, focus: Focus) -> Option<Action> {
        let mut lines = TABLE.iter().zip(&self.keys);
        let found = lines.find(|(line, keys)| line.when.covers(focus) && keys.contains(&key));
        found.map(|(line, _)| line.action)
    }

    /// Returns the footer's keys and words, the most useful first.
    #[must_use]
    pub fn footer(&self, focus: Focus) -> Vec<(String, &'static str)> {
        let moves = if focus == Focus::Pane(Pane::Files) { "↑↓ →←" } else { "↑↓" };
        let mut words = vec![(moves.to_owned(), "")];
        for (line, keys) in TABLE.iter().zip(&self.keys) {
            if !line.short.is_empty() && line.when.covers(focus) {
                words.extend(keys.first().map(|key| (key.to_string(), line.short)));
            }
        }
        words
    }

    /// Returns the help: headings, and below each the keys and what they do.
    #[must_use]
    pub fn help(&self) -> Vec<(String, Vec<(String, &'static str)>)> {
        let of = |when: When| {
            let lines = TABLE.iter().zip(&self.keys).filter(move |(line, keys)| line.when == when && !keys.is_empty());
            lines.map(|(line, keys)| (join(keys), line.help)).collect::<Vec<_>>()
        };
        let mut places: Vec<When> = TABLE.iter().map(|line| line.when).collect();
        places.sort_by_key(|when| when.rank());
        places.dedup();
        places.into_iter().map(|when| (when.heading(), of(when))).collect()
    }

    /// Returns the README's list of keys, as a Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("| key | does | where |\n|---|---|---|\n");
        for (heading, lines) in self.help() {
            for (keys, words) in lines {
                let keys = keys.replace('|', "\\|");
                // Writing to a String cannot fail.
                let _ = writeln!(out, "| `{keys}` | {words} | {} |", heading.to_lowercase());
            }
        }
        out
    }
}

fn join(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn unknown(name: &str) -> String {
    let nearest = TABLE.iter().map(|line| (distance(name, line.name), line.name)).min();
    let hint = match nearest {
        Some((steps, known)) if steps <= 3 => format!("did you mean {known:?}?"),
        _ => format!("the actions are {}", TABLE.map(|line| line.name).join(", ")),
    };
    format!("unknown action {name:?} in [ui.keys]: {hint}")
}

/// Returns how many letters must be changed, added or removed to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remap(name: &str, keys: &[&str]) -> Result<KeyMap, String> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        KeyMap::remapped(&BTreeMap::from([(name.to_owned(), keys)]))
    }

    #[test]
    fn the_table_is_sound() {
        let map = KeyMap::default();
        map.check().expect("no key means two things at one place");
        for (line, keys) in TABLE.iter().zip(&map.keys) {
            assert_eq!(keys.len(), line.keys.split(' ').count(), "{}: every key is understood", line.name);
        }
        let mut names: Vec<&str> = TABLE.iter().map(|line| line.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len(), "every name stands once");
    }

    #[test]
    fn keys_are_remapped() {
        let map = remap("quit", &["Q"]).expect("a free key");
        let key = |text: &str| text.parse::<Key>().expect("a key");
        assert_eq!(map.action(key("Q"), Focus::Pane(Pane::Files)), Some(Action::Quit));
        assert_eq!(map.action(key("q"), Focus::Pane(Pane::Files)), None);
        assert_eq!(map.action(key("x"), Focus::Content), Some(Action::Extract));
        assert_eq!(map.action(key("x"), Focus::Pane(Pane::Files)), Some(Action::Report));
    }

    #[test]
    fn bad_configuration_is_explained() {
        assert!(remap("qit", &["Q"]).expect_err("no action").contains("did you mean \"quit\"?"));
        assert!(remap("xyzzyxyzzy", &["Q"]).expect_err("no action").contains("the actions are down, up"));
        assert!(remap("quit", &["ctrl-m"]).expect_err("enter").contains("cannot be used"));
        assert!(remap("quit", &["banana"]).expect_err("no key").contains("is not a key"));
        assert!(remap("quit", &["j"]).expect_err("taken").contains("both down and quit"));
    }
}
