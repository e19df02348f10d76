//! What a reader found in an image, in the one form that all tests compare.
//!
//! The naive model computes [`Findings`], a scenario file states them, and the library's JSON report is read into them.
//! Lists are kept sorted, so that equality means equality of sets; [`Findings::lines`] prints them in the words of the
//! scenario files, so that a failing case reads like its file.

use std::fmt;

use serde_json::Value;

use super::text::{escape, unescape};

/// How a path of one layer differs from the merged view below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    Added,
    Changed,
    Deleted,
}

impl ChangeKind {
    /// Returns the kind that `docker diff` writes as this letter.
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "A" => Some(Self::Added),
            "C" => Some(Self::Changed),
            "D" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// One line of a layer's `docker diff`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub layer: usize,
    /// From the root, with a leading `/`.
    pub path: Vec<u8>,
    pub kind: ChangeKind,
    /// What a `Changed` changed, in the words of the report.
    pub what: Vec<String>,
    /// Content bytes that went with a `Deleted`; of the other kinds, those that the layer itself stores at the path.
    pub bytes: u64,
    /// Names that went with a `Deleted` and are no directories; 0 for the other kinds.
    pub files: u64,
}

/// One wasted copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waste {
    pub path: Vec<u8>,
    pub bytes: u64,
    pub stored_in: usize,
    pub hidden_by: usize,
    pub cause: String,
    /// What the hiding layer changed, for the cause `metadata`; scenario files leave it to the changes.
    pub what: Vec<String>,
}

/// The sums of one image.
#[expect(clippy::struct_field_names, reason = "the suffix is the unit, and the names are the report's")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub stored_bytes: u64,
    pub final_bytes: u64,
    pub wasted_bytes: u64,
}

/// The sums of one layer; `wasted_bytes` are those of the copies that it stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerTotals {
    pub stored_bytes: u64,
    pub wasted_bytes: u64,
}

/// Everything that src/model.md's sections 3 and 4 say about an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub changes: Vec<Change>,
    pub waste: Vec<Waste>,
    pub totals: Totals,
    /// Bottom first. Empty where only the image's totals were stated.
    pub layers: Vec<LayerTotals>,
}

impl Findings {
    /// Brings both lists into their one order.
    pub fn sorted(mut self) -> Self {
        self.changes.sort();
        self.waste.sort();
        self
    }

    /// Returns the findings as a scenario file would state them, one line each.
    pub fn lines(&self) -> Vec<String> {
        let changes = self.changes.iter().map(|change| format!("changes: {change}"));
        let waste = self.waste.iter().map(|waste| format!("waste: {waste}"));
        let total = format!("total: {}", self.totals);
        let layers = self.layers.iter().enumerate().map(|(index, layer)| {
            format!("layer {}: stored {} wasted {}", index + 1, layer.stored_bytes, layer.wasted_bytes)
        });
        changes.chain(waste).chain([total]).chain(layers).collect()
    }

    /// Returns the same findings without what scenario files do not state: the sums of single layers, what exactly a
    /// record of cause `metadata` changed, how many files went with a D, and what an A or a C stores.
    pub fn without_details(mut self) -> Self {
        self.layers.clear();
        for change in &mut self.changes {
            change.files = 0;
            change.bytes = if change.kind == ChangeKind::Deleted { change.bytes } else { 0 };
        }
        for record in &mut self.waste {
            record.what.clear();
        }
        self
    }

    /// Reads a report that has its changes. Panics where a field is missing or of another type.
    pub fn from_report(report: &Value) -> Self {
        let totals = &report["totals"];
        Self {
            changes: list(&report["changes"]).iter().map(change_of).collect(),
            waste: list(&report["waste"]).iter().map(waste_of).collect(),
            totals: Totals {
                stored_bytes: number(&totals["stored_bytes"]),
                final_bytes: number(&totals["final_bytes"]),
                wasted_bytes: number(&totals["wasted_bytes"]),
            },
            layers: list(&report["layers"]).iter().map(layer_of).collect(),
        }
        .sorted()
    }

    /// Returns how many changes of this kind `layer` has.
    pub fn change_count(&self, layer: usize, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|change| change.layer == layer && change.kind == kind).count()
    }
}

/// Returns the lines that one side has and the other has not; `None` where both are the same.
pub fn disagreement(found: &Findings, expected: &Findings) -> Option<String> {
    if found == expected {
        return None;
    }
    let (found, expected) = (found.lines(), expected.lines());
    let missing = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("  missing:  {line}\n"));
    let surplus = found.iter().filter(|line| !expected.contains(line)).map(|line| format!("  surplus:  {line}\n"));
    Some(missing.chain(surplus).collect())
}

fn change_of(value: &Value) -> Change {
    let kind = ChangeKind::from_letter(text(&value["kind"])).expect("a change is A, C or D");
    Change {
        layer: index(&value["layer"]),
        path: unescape(text(&value["path"])),
        kind,
        what: strings(&value["what"]),
        bytes: number(&value["bytes"]),
        files: if kind == ChangeKind::Deleted { number(&value["files"]) } else { 0 },
    }
}

fn waste_of(value: &Value) -> Waste {
    Waste {
        path: unescape(text(&value["path"])),
        bytes: number(&value["bytes"]),
        stored_in: index(&value["stored_in"]),
        hidden_by: index(&value["hidden_by"]),
        cause: text(&value["cause"]).to_owned(),
        what: if value["cause"] == "metadata" { strings(&value["what"]) } else { Vec::new() },
    }
}

fn layer_of(value: &Value) -> LayerTotals {
    LayerTotals { stored_bytes: number(&value["stored_bytes"]), wasted_bytes: number(&value["wasted_bytes"]) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

fn strings(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| text(item).to_owned()).collect()
}

/// Reads a byte count or another whole number of the report.
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a whole number: {value}"))
}

fn index(value: &Value) -> usize {
    usize::try_from(number(value)).expect("a layer number is small")
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, path, kind, what, bytes, files } = self;
        let path = escape(path);
        match kind {
            ChangeKind::Added => write!(f, "{layer} A {path}")?,
            ChangeKind::Changed => write!(f, "{layer} C {path} {}", what.join(", "))?,
            ChangeKind::Deleted => write!(f, "{layer} D {path} {bytes} bytes")?,
        }
        match kind {
            ChangeKind::Deleted if *files > 0 => write!(f, " ({files} files)"),
            ChangeKind::Added | ChangeKind::Changed if *bytes > 0 => write!(f, " ({bytes} bytes)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Waste {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escape(&self.path);
        write!(f, "{path} {} in {} by {} {}", self.bytes, self.stored_in, self.hidden_by, self.cause)?;
        if self.what.is_empty() { Ok(()) } else { write!(f, " ({})", self.what.join(", ")) }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stored {} final {} wasted {}", self.stored_bytes, self.final_bytes, self.wasted_bytes)
    }
}
