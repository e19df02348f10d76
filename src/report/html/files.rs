//! Where the bytes are: the paths of the final image and of the waste, as lists that open; the page draws the treemaps
//! from them.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Page;
use super::fold::{Item, fold};
use super::markup::{Html, Tone, bar};
use super::summary::{grouped, share_of};
use crate::analysis::weights::Weights;

impl<W: Write> Page<'_, W> {
    pub(super) fn files(&mut self) -> io::Result<()> {
        let analysis = self.analysis;
        if analysis.totals.stored_bytes == 0 {
            return Ok(());
        }
        writeln!(
            self.out,
            "<section id=\"files\" aria-labelledby=\"files-title\"><h2 id=\"files-title\">Where the bytes are</h2>"
        )?;
        if analysis.totals.final_bytes > 0 {
            self.tree("final", "In the final image", &analysis.final_weights(), Tone::Final)?;
        }
        if analysis.totals.wasted_bytes > 0 {
            self.tree("wasted", "Wasted, by the path it was stored at", &analysis.wasted_weights(), Tone::Waste)?;
        }
        writeln!(self.out, "</section>")
    }

    fn tree(&mut self, id: &str, title: &str, weights: &Weights, tone: Tone) -> io::Result<()> {
        let items = fold(&self.analysis.index.tree, weights);
        let whole = items[0].weight;
        writeln!(
            self.out,
            "<h3 id=\"{id}-title\">{title} <small>{} in {} files</small></h3>\n\
             <div class=\"treemap {}\" data-of=\"{id}-list\" hidden></div>\n\
             <details class=\"list\" open><summary>As a list: size, share of all, files</summary>{}</details>",
            self.size(whole.bytes),
            grouped(whole.copies),
            tone.class(),
            self.list(id, &items, tone)
        )
    }

    fn list(&self, id: &str, items: &[Item], tone: Tone) -> String {
        let mut out = format!("<ul class=\"tree\" id=\"{id}-list\">");
        // The children that are still to be written, of each item that is open.
        let mut open = vec![items[0].children.clone()];
        while let Some(children) = open.last_mut() {
            let Some(at) = children.next() else {
                open.pop();
                out.push_str(if open.is_empty() { "</ul>" } else { "</ul></details></li>" });
                continue;
            };
            let item = &items[at];
            let row = self.row(item, items[0].weight.bytes, tone);
            // Writing to a String cannot fail.
            if item.children.is_empty() {
                let _ = write!(out, "<li><p>{row}</p></li>");
            } else {
                let _ = write!(out, "<li><details><summary>{row}</summary><ul>");
                open.push(item.children.clone());
            }
        }
        out
    }

    fn row(&self, item: &Item, whole: u64, tone: Tone) -> String {
        let bytes = item.weight.bytes;
        format!(
            "<b>{}</b>{}{}<i>{}</i><i>{}</i>",
            Html(&item.name),
            bar(&[(tone, bytes)], whole, 8),
            self.size(bytes),
            share_of(bytes, whole),
            grouped(item.weight.copies)
        )
    }
}
