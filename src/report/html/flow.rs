//! Which step stored what a later one hid: as a matrix, as a table of the pairs, and copy by copy.

use std::collections::HashMap;
use std::io::{self, Write};

use super::Page;
use super::layers::{count, dash};
use super::markup::{FALLING, Html, NUMBER, TEXT, n, rows, section, table};
use super::summary::{grouped, meaning};
use crate::analysis::waste::{Cause, WasteRecord};
use crate::analysis::waste_groups::WasteGroup;
use crate::layer::entry::LayerNumber;
use crate::report::waste::describe;
use crate::report::words::{cut, plural};

/// How many layers the matrix has on each side.
const MOST_LAYERS: usize = 24;
/// How many pairs and how many copies are listed one by one.
const MOST_PAIRS: usize = 100;
const MOST_COPIES: usize = 200;
/// Shades of the matrix's cells.
const SHADES: u64 = 6;

/// One side of the matrix: the layers that have a line of their own; the others share one.
struct Side {
    layers: Vec<LayerNumber>,
    has_others: bool,
}

impl Side {
    /// Keeps the layers with the most bytes, in their order.
    fn new(sums: &HashMap<LayerNumber, u64>) -> Self {
        let mut layers: Vec<LayerNumber> = sums.keys().copied().collect();
        layers.sort_by_key(|layer| (std::cmp::Reverse(sums[layer]), *layer));
        let has_others = layers.len() > MOST_LAYERS;
        layers.truncate(MOST_LAYERS);
        layers.sort_unstable();
        Side { layers, has_others }
    }

    /// Returns the place of a layer's line.
    fn place(&self, layer: LayerNumber) -> usize {
        self.layers.binary_search(&layer).unwrap_or(self.layers.len())
    }

    fn len(&self) -> usize {
        self.layers.len() + usize::from(self.has_others)
    }

    fn title(&self, place: usize) -> String {
        self.layers.get(place).map_or_else(|| "others".to_owned(), ToString::to_string)
    }
}

impl<W: Write> Page<'_, W> {
    pub(super) fn flow(&mut self) -> io::Result<()> {
        if self.analysis.waste.is_empty() {
            return Ok(());
        }
        let groups = self.analysis.waste_groups();
        writeln!(
            self.out,
            "{}<p>Each cell shows the bytes that the row’s layer stores and the column’s layer hides.</p>",
            section("flow", "Stored in → hidden by")
        )?;
        self.matrix(&groups)?;
        self.pairs(&groups)?;
        writeln!(self.out, "</section>")
    }

    fn matrix(&mut self, groups: &[WasteGroup]) -> io::Result<()> {
        let (mut stored, mut hidden) = (HashMap::new(), HashMap::new());
        for group in groups {
            *stored.entry(group.stored_in).or_default() += group.bytes;
            *hidden.entry(group.hidden_by).or_default() += group.bytes;
        }
        let (down, across) = (Side::new(&stored), Side::new(&hidden));
        let mut cells = vec![vec![0u64; across.len()]; down.len()];
        for group in groups {
            cells[down.place(group.stored_in)][across.place(group.hidden_by)] += group.bytes;
        }
        let most = cells.iter().flatten().copied().max().unwrap_or(0);
        write!(
            self.out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Matrix of the waste\">\
             <table class=\"matrix\"><caption>Rows: stored in layer. Columns: hidden by layer.</caption>\
             <thead><tr><th scope=\"col\">Stored in</th>"
        )?;
        for place in 0..across.len() {
            write!(self.out, "<th scope=\"col\" class=\"n\">{}</th>", across.title(place))?;
        }
        write!(self.out, "<th scope=\"col\" class=\"n\">Sum</th></tr></thead><tbody>")?;
        for (place, row) in cells.iter().enumerate() {
            let step = down.layers.get(place).map(|layer| self.short_step(*layer)).unwrap_or_default();
            write!(self.out, "<tr><th scope=\"row\">{} {step}</th>", down.title(place))?;
            for bytes in row {
                self.cell(*bytes, most)?;
            }
            write!(self.out, "<td class=\"n\">{}</td></tr>", self.size(row.iter().sum()))?;
        }
        write!(self.out, "</tbody><tfoot><tr><th scope=\"row\">Sum</th>")?;
        for place in 0..across.len() {
            let sum = cells.iter().map(|row| row[place]).sum();
            write!(self.out, "<td class=\"n\">{}</td>", self.size(sum))?;
        }
        let sum = self.size(self.analysis.totals.wasted_bytes);
        writeln!(self.out, "<td class=\"n\">{sum}</td></tr></tfoot></table></div>")
    }

    fn cell(&mut self, bytes: u64, most: u64) -> io::Result<()> {
        if bytes == 0 {
            return write!(self.out, "<td></td>");
        }
        let shade = u128::from(bytes) * u128::from(SHADES - 1) / u128::from(most.max(1)) + 1;
        write!(self.out, "<td class=\"n s{shade}\">{}</td>", self.size(bytes))
    }

    fn short_step(&self, layer: LayerNumber) -> String {
        let step = self.analysis.step(layer);
        let step: Vec<&str> = step.split_whitespace().take(40).collect();
        format!("<small>{}</small>", Html(&cut(&crate::escape::escape(step.join(" ").as_bytes()), 40)))
    }

    fn pairs(&mut self, groups: &[WasteGroup]) -> io::Result<()> {
        let (body, count) = rows(groups, MOST_PAIRS, |group| self.pair(group));
        let others = match &groups[count..] {
            [] => String::new(),
            others => format!(
                "{}<td colspan=\"4\">{}</td>{}",
                n(self.size(others.iter().map(|group| group.bytes).sum())),
                plural(others.len(), "other pair"),
                n(grouped(others.iter().map(|group| group.records.len() as u64).sum())),
            ),
        };
        let headings = [
            ("Waste", FALLING),
            ("Cause", TEXT),
            ("Stored in", TEXT),
            ("Hidden by", TEXT),
            ("Mostly", TEXT),
            ("Copies", NUMBER),
        ];
        writeln!(
            self.out,
            "<h3>Pairs of steps</h3>\n{}",
            table("Table of the pairs", "sortable", &headings, &body, &others)
        )
    }

    fn pair(&self, group: &WasteGroup) -> String {
        let details = describe(self.analysis, group);
        let what = match &details.what {
            Some(what) => Html(what).to_string(),
            None => meaning(group.cause).to_owned(),
        };
        let hidden =
            if group.cause == Cause::Duplicate { "<i>itself</i>".to_owned() } else { self.step(group.hidden_by) };
        let places: Vec<String> = details.places.iter().map(|place| self.path(place.node)).collect();
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"cause\">{} <small>{what}</small></td>\
             <td class=\"step\">{} {}</td><td class=\"step\">{} {hidden}</td>\
             <td class=\"path\">{}</td><td class=\"n\">{}</td></tr>",
            self.size(group.bytes),
            group.cause.name(),
            group.stored_in,
            self.step(group.stored_in),
            group.hidden_by,
            places.join("<br>"),
            count(group.records.len() as u64),
        )
    }

    /// The wasted copies, one by one.
    pub(super) fn copies(&mut self) -> io::Result<()> {
        let (analysis, totals) = (self.analysis, &self.analysis.totals);
        let records = &analysis.waste;
        if records.is_empty() {
            return Ok(());
        }
        let has_wire = totals.wasted_wire_bytes.is_some();
        let (body, count) = rows(records, MOST_COPIES, |record| self.copy(record, has_wire));
        let others = match &records[count..] {
            [] => String::new(),
            others => format!(
                "{}{}<td>{}</td><td colspan=\"3\"></td>",
                n(self.size(others.iter().map(|record| record.bytes).sum())),
                if has_wire { self.wire(others.iter().map(|record| record.wire_bytes).sum()) } else { String::new() },
                plural(others.len(), "other copy"),
            ),
        };
        let mut headings =
            vec![("Waste", FALLING), ("Path", TEXT), ("Stored in", NUMBER), ("Hidden by", NUMBER), ("Cause", TEXT)];
        if has_wire {
            headings.insert(1, ("On the wire", NUMBER));
        }
        writeln!(
            self.out,
            "{}{}</section>",
            section("waste", "Wasted copies"),
            table("Table of the wasted copies", "sortable", &headings, &body, &others)
        )
    }

    fn copy(&self, record: &WasteRecord, has_wire: bool) -> String {
        let index = &self.analysis.index;
        let what: Vec<String> = record.what(index).iter().map(ToString::to_string).collect();
        let what = if what.is_empty() { String::new() } else { format!(" <small>{}</small>", Html(&what.join(", "))) };
        format!(
            "<tr><td class=\"n\">{}</td>{}<td class=\"path\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"cause\">{}{what}</td></tr>",
            self.size(record.bytes),
            if has_wire { self.wire(record.wire_bytes) } else { String::new() },
            self.path(record.node),
            record.stored_in,
            record.hidden_by,
            record.cause.name(),
        )
    }

    fn wire(&self, bytes: Option<u64>) -> String {
        n(bytes.map_or_else(dash, |bytes| self.size(bytes)))
    }
}
