//! The layers as bars with their wasted part, and the history with every step that made none.

use std::io::{self, Write};

use super::markup::{NUMBER, PLAIN, RISING, TEXT, Tone, WIDE, bar, rows, section, table, text};
use super::summary::grouped;
use super::{Page, step};
use crate::analysis::Layer;
use crate::analysis::dockerfile::{Entry, entries};
use crate::report::words::plural;

/// How many layers and steps are listed one by one.
const MOST: usize = 300;
/// How wide a step of the history is at most: whoever looks there wants to read it.
const HISTORY_WIDTH: usize = 2000;

impl<W: Write> Page<'_, W> {
    pub(super) fn layers(&mut self) -> io::Result<()> {
        let layers = &self.analysis.layers;
        writeln!(
            self.out,
            "{}<p>What each step stores; the hatched part of a bar is wasted.</p>",
            section("layers", "Layers")
        )?;
        if layers.is_empty() {
            return writeln!(self.out, "<p>The image has no layers.</p></section>");
        }
        let most = layers.iter().map(|layer| layer.stored_bytes).max().unwrap_or(0);
        let (body, count) = rows(layers, MOST, |layer| self.layer(layer, most));
        let headings = [
            ("#", RISING),
            ("Size", NUMBER),
            ("Waste", NUMBER),
            ("Stored and wasted", PLAIN),
            ("Step", TEXT),
            ("Blob", WIDE),
            ("Added", WIDE),
            ("Changed", WIDE),
            ("Deleted", WIDE),
        ];
        writeln!(
            self.out,
            "{}</section>",
            table("Table of the layers", "sortable layers", &headings, &body, &self.other_layers(&layers[count..]))
        )
    }

    fn layer(&self, layer: &Layer, most: u64) -> String {
        let live = layer.stored_bytes - layer.wasted_bytes;
        let base = if layer.is_base { "<span class=\"badge\">base</span> " } else { "" };
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"barcell\">{}</td>\
             <td class=\"step\">{base}{}</td><td class=\"n wide\">{}</td><td class=\"n wide\">{}</td>\
             <td class=\"n wide\">{}</td>\
             <td class=\"n wide\">{}</td></tr>",
            layer.number,
            self.size(layer.stored_bytes),
            self.size_or_dash(layer.wasted_bytes),
            bar(&[(Tone::Final, live), (Tone::Waste, layer.wasted_bytes)], most, 14),
            self.step(layer.number),
            self.size(layer.blob.blob_bytes),
            count(layer.added_count),
            count(layer.changed_count),
            count(layer.deleted_count),
        )
    }

    fn other_layers(&self, others: &[Layer]) -> String {
        if others.is_empty() {
            return String::new();
        }
        let sum = |of: &dyn Fn(&Layer) -> u64| others.iter().map(of).sum::<u64>();
        format!(
            "<td></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td></td><td>{}</td>\
             <td class=\"n wide\">{}</td><td class=\"n wide\">{}</td><td class=\"n wide\">{}</td>\
             <td class=\"n wide\">{}</td>",
            self.size(sum(&|layer| layer.stored_bytes)),
            self.size(sum(&|layer| layer.wasted_bytes)),
            plural(others.len(), "other layer"),
            self.size(sum(&|layer| layer.blob.blob_bytes)),
            grouped(sum(&|layer| layer.added_count)),
            grouped(sum(&|layer| layer.changed_count)),
            grouped(sum(&|layer| layer.deleted_count)),
        )
    }

    /// Every step, those without a layer included.
    pub(super) fn history(&mut self) -> io::Result<()> {
        if self.analysis.spec.history.is_empty() {
            return Ok(());
        }
        let steps = entries(self.analysis);
        let (body, count) =
            rows(&steps.iter().enumerate().collect::<Vec<_>>(), MOST, |(at, step)| self.line(*at, step));
        let others = match steps.len() - count {
            0 => String::new(),
            more => format!("<td></td><td colspan=\"4\">{}</td>", plural(more, "other step")),
        };
        let headings = [("Line", RISING), ("Step", TEXT), ("Layer", NUMBER), ("Size", NUMBER), ("Created", TEXT)];
        writeln!(
            self.out,
            "{}<p>Every step as the image records it, oldest first.</p>{}</section>",
            section("history", "History"),
            table("Table of the history", "sortable", &headings, &body, &others)
        )
    }

    fn line(&self, at: usize, entry: &Entry<'_>) -> String {
        let created = self.analysis.spec.history.get(at).and_then(|line| line.created.as_deref()).unwrap_or("");
        let layer = entry.layer.map_or_else(dash, |layer| layer.number.to_string());
        let size = entry.layer.map_or_else(dash, |layer| self.size(layer.stored_bytes));
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"step\">{}</td><td class=\"n\">{layer}</td>\
             <td class=\"n\">{size}</td>\
             <td class=\"date\">{}</td></tr>",
            at + 1,
            step(&entry.text, HISTORY_WIDTH),
            time(created),
        )
    }

    /// Nothing is easier to see than no number.
    pub(super) fn size_or_dash(&self, bytes: u64) -> String {
        if bytes == 0 { dash() } else { self.size(bytes) }
    }
}

/// Returns a time as the image has it, but for what no step is longer than: parts of a second.
pub(super) fn time(time: &str) -> String {
    let (seconds, rest) = time.split_once('.').unwrap_or((time, ""));
    let whole = format!("{seconds}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    text(whole.chars().take(40).collect::<String>().as_bytes())
}

pub(super) fn dash() -> String {
    "<data value=\"0\">–</data>".to_owned()
}

pub(super) fn count(count: u64) -> String {
    if count == 0 { dash() } else { format!("<data value=\"{count}\">{}</data>", grouped(count)) }
}
