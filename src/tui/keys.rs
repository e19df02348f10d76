//! The one table of keys: what each does, where, and in which words. Dispatch, footer, help and the README's list come
//! from it, and the configuration changes its keys alone.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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

/// With ctrl these are other keys to a terminal, or stop its output.
const UNUSABLE_WITH_CTRL: [char; 6] = ['m', 'i', 'h', '[', 's', 'q'];

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is no key: write q, G, ctrl-d, enter, space, f1, …");
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
                Err(format!("{text} cannot be used: terminals send another key for it"))
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
#[expect(missing_docs, reason = "the table below says it in the user's words")]
pub enum Action {
    Quit,
    Back,
    Help,
    NextPane,
    PreviousPane,
    Pane(usize),
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
    ShowFixLayers,
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
    /// In the list of layers.
    Layers,
    /// In the file tree.
    Files,
    /// In the file tree and the waste table.
    Rows,
    /// In the fixes.
    Fixes,
    /// Where a file's content is shown.
    Content,
}

/// Where the keyboard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the panes' names")]
pub enum Place {
    Layers,
    Files,
    Waste,
    Fixes,
    Details,
    Help,
    Content,
}

impl When {
    fn covers(self, place: Place) -> bool {
        match self {
            When::Always => true,
            When::Panes => !matches!(place, Place::Help | Place::Content),
            When::Search => place != Place::Help,
            When::Layers => place == Place::Layers,
            When::Files => place == Place::Files,
            When::Fixes => place == Place::Fixes,
            When::Rows => matches!(place, Place::Files | Place::Waste),
            When::Content => place == Place::Content,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            When::Always => "Everywhere",
            When::Panes => "In every pane",
            When::Search => "In every pane, in a file's content",
            When::Layers => "Layers",
            When::Files => "Files",
            When::Rows => "Files and Waste",
            When::Fixes => "Fixes",
            When::Content => "Content of a file",
        }
    }

    const ALL: [When; 8] =
        [When::Always, When::Panes, When::Search, When::Layers, When::Rows, When::Files, When::Fixes, When::Content];
}

/// One line of the table.
struct Line {
    keys: &'static str,
    action: Action,
    /// Its name in the configuration.
    name: &'static str,
    /// Its words in the help.
    help: &'static str,
    /// Its word in the footer; empty = not there.
    short: &'static str,
    when: When,
}

const fn line(
    keys: &'static str,
    action: Action,
    name: &'static str,
    help: &'static str,
    short: &'static str,
    when: When,
) -> Line {
    Line { keys, action, name, help, short, when }
}

use Action as A;
use When as W;

/// The footer shows its words in this order, as many as fit.
const TABLE: [Line; 55] = [
    line("j down", A::Down, "down", "down", "", W::Always),
    line("k up", A::Up, "up", "up", "", W::Always),
    line("g home", A::Top, "top", "first row", "", W::Always),
    line("G end", A::Bottom, "bottom", "last row", "", W::Always),
    line("ctrl-d", A::HalfPageDown, "half-page-down", "half a page down", "", W::Always),
    line("ctrl-u", A::HalfPageUp, "half-page-up", "half a page up", "", W::Always),
    line("pgdn ctrl-f", A::PageDown, "page-down", "page down", "", W::Always),
    line("pgup ctrl-b", A::PageUp, "page-up", "page up", "", W::Always),
    line("right l", A::Open, "open", "open the directory or group", "", W::Panes),
    line("left h", A::Close, "close", "close it, then go to what holds it", "", W::Panes),
    line("tab", A::NextPane, "next-pane", "next pane", "pane", W::Panes),
    line("shift-tab", A::PreviousPane, "previous-pane", "previous pane", "", W::Panes),
    line("1", A::Pane(0), "layers", "Layers", "", W::Panes),
    line("2", A::Pane(1), "files", "Files", "", W::Panes),
    line("3", A::Pane(2), "waste", "Waste", "", W::Panes),
    line("4", A::Pane(3), "fixes", "Fixes", "", W::Panes),
    line("5", A::Pane(4), "details", "Details", "", W::Panes),
    line("space", A::Mark, "mark", "mark the layer: what would merging the marked range save?", "mark", W::Layers),
    line("space", A::ShowFixLayers, "fix-layers", "go to the layers of the fix, marked", "layers", W::Fixes),
    line("b", A::Fold, "fold", "fold or unfold the base image's layers", "base", W::Layers),
    line("enter", A::Enter, "enter", "open or close; from a layer, a step, waste: to its files, layers", "", W::Panes),
    line("[", A::PreviousLayer, "previous-layer", "previous layer; in Waste: the layer that stores it", "", W::Panes),
    line("]", A::NextLayer, "next-layer", "next layer; in Waste: the layer that hides it", "", W::Panes),
    line("v", A::Scope, "scope", "this layer, the image up to it, the final image", "view", W::Panes),
    line("/", A::Find, "find", "find: through the whole tree as you type, in a content by Enter", "find", W::Search),
    line("n", A::FindNext, "find-next", "next match", "", W::Search),
    line("N", A::FindPrevious, "find-previous", "previous match", "", W::Search),
    line("f", A::Filter, "filter", "keep only what matches, and what holds it", "filter", W::Panes),
    line("s", A::Sort, "sort", "sort by the next key", "sort", W::Rows),
    line("S", A::Reverse, "reverse", "sort the other way round", "", W::Rows),
    line("w", A::OnlyWaste, "only-waste", "only what has waste", "waste", W::Files),
    line("o", A::Content, "content", "look at the file's content", "content", W::Rows),
    line("X", A::ExtractPath, "extract-path", "write the file or directory to a place of your choice", "", W::Rows),
    line("A", A::ShowAdded, "added", "show or hide what is added", "", W::Files),
    line("C", A::ShowChanged, "changed", "show or hide what is changed", "", W::Files),
    line("D", A::ShowDeleted, "deleted", "show or hide what is deleted", "", W::Files),
    line("U", A::ShowUnmodified, "unmodified", "show or hide what is unmodified", "", W::Files),
    line("e", A::ExpandBelow, "expand", "open everything below", "", W::Files),
    line("E", A::CollapseBelow, "collapse", "close everything below", "", W::Files),
    line("=", A::ExpandAll, "expand-all", "open the whole tree", "", W::Files),
    line("-", A::CollapseAll, "collapse-all", "close the whole tree", "", W::Files),
    line("t", A::TextOrHex, "hex", "as text or as hexadecimal", "text/hex", W::Content),
    line("x", A::Extract, "extract", "write the file to a place of your choice", "extract", W::Content),
    line("x", A::Report, "report", "write a report: asks for FORMAT=FILE", "", W::Panes),
    line("y", A::Copy, "copy", "copy what the cursor stands on", "", W::Panes),
    line("Y", A::CopyFix, "copy-fix", "copy the lines of the fix", "", W::Panes),
    line("z", A::Zoom, "zoom", "let the pane fill the screen", "", W::Panes),
    line("u", A::Units, "units", "units: kB and MB, KiB and MiB, bytes", "", W::Always),
    line("m", A::Mouse, "mouse", "mouse on or off (off: the terminal selects text)", "", W::Always),
    line("? f1", A::Help, "help", "this list", "help", W::Always),
    line("esc", A::Back, "back", "close what is in front, stop writing, drop filter and marks", "", W::Always),
    line("ctrl-l", A::Redraw, "redraw", "draw everything anew", "", W::Always),
    line("ctrl-z", A::Suspend, "suspend", "back to the shell for a while (fg returns)", "", W::Always),
    line("q", A::Quit, "quit", "quit", "quit", W::Always),
    line("ctrl-c", A::Quit, "abort", "quit", "", W::Always),
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
    /// Takes the keys of some actions, by name, in place of the table's own.
    ///
    /// # Errors
    /// A sentence about an action that is not there, a key that is none, or one that would mean two things.
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
        let places =
            [Place::Layers, Place::Files, Place::Waste, Place::Fixes, Place::Details, Place::Help, Place::Content];
        for place in places {
            let mut seen: Vec<(Key, &str)> = Vec::new();
            for (line, keys) in TABLE.iter().zip(&self.keys).filter(|(line, _)| line.when.covers(place)) {
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

    /// Returns what a key does at a place.
    #[must_use]
    pub fn action(&self, key: Key, place: Place) -> Option<Action> {
        let mut lines = TABLE.iter().zip(&self.keys);
        let found = lines.find(|(line, keys)| line.when.covers(place) && keys.contains(&key));
        found.map(|(line, _)| line.action)
    }

    /// Returns the footer's keys and words for a place, the most useful first.
    #[must_use]
    pub fn footer(&self, place: Place) -> Vec<(String, &'static str)> {
        let moves = if place == Place::Files { "↑↓ →←" } else { "↑↓" };
        let mut words = vec![(moves.to_owned(), "")];
        for (line, keys) in TABLE.iter().zip(&self.keys) {
            if !line.short.is_empty() && line.when.covers(place) {
                words.extend(keys.first().map(|key| (key.to_string(), line.short)));
            }
        }
        words
    }

    /// Returns the help: headings, and below each the keys and what they do.
    #[must_use]
    pub fn help(&self) -> Vec<(&'static str, Vec<(String, &'static str)>)> {
        let of = |when: When| {
            let lines = TABLE.iter().zip(&self.keys).filter(move |(line, keys)| line.when == when && !keys.is_empty());
            lines.map(|(line, keys)| (join(keys), line.help)).collect::<Vec<_>>()
        };
        When::ALL.iter().map(|when| (when.heading(), of(*when))).collect()
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
        _ => format!("there are {}", TABLE.map(|line| line.name).join(", ")),
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
        assert_eq!(map.action(key("Q"), Place::Files), Some(Action::Quit));
        assert_eq!(map.action(key("q"), Place::Files), None);
        assert_eq!(map.action(key("x"), Place::Content), Some(Action::Extract));
        assert_eq!(map.action(key("x"), Place::Files), Some(Action::Report));
    }

    #[test]
    fn bad_configuration_is_explained() {
        assert!(remap("qit", &["Q"]).expect_err("no action").contains("did you mean \"quit\"?"));
        assert!(remap("xyzzyxyzzy", &["Q"]).expect_err("no action").contains("there are down, up"));
        assert!(remap("quit", &["ctrl-m"]).expect_err("enter").contains("cannot be used"));
        assert!(remap("quit", &["banana"]).expect_err("no key").contains("is no key"));
        assert!(remap("quit", &["j"]).expect_err("taken").contains("both down and quit"));
    }
}
