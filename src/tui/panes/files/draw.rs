//! The file tree.
//!
//! ```text
//! ±      Size     Waste     Hides  Name
//! C  271.2 MB         -  212.3 MB  ▾ app/
//! C  212.2 MB         -  160.1 MB    ▾ node_modules/
//! D    8.6 MB         -    8.6 MB      Packages.lz4
//! ```
//! What a layer hides is told in the view of one layer; in views of several, the layer that stores what is shown.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::escape::escape;
use crate::layer::entry::NodeId;
use crate::tui::app::{App, LoadedImage};
use crate::tui::layout::Pane;
use crate::tui::panes::{RowLine, cursor, hint, line_of};
use crate::tui::text::{count, cut_middle};
use crate::tui::theme::Paint;
use crate::tui::tree::{FileRow, Letter, SortKey, TreeScope};

const SIZE: usize = 10;
const LAYER: usize = 7;
const HIDES_FROM: usize = 64;
const LAYER_FROM: usize = 50;
const SIZE_FROM: usize = 36;

/// Where the columns start.
#[derive(Debug, Clone, Copy)]
pub struct FileColumns {
    size: bool,
    hides: bool,
    layer: bool,
}

impl FileColumns {
    /// Chooses the columns that fit.
    #[must_use]
    pub fn new(app: &App, width: usize) -> Self {
        let files = app.image.as_ref().map(|image| &image.files);
        let is_layer = files.is_some_and(|files| files.scope() == TreeScope::Layer);
        let is_sorted = files.is_some_and(|files| files.sort().key == SortKey::Layer);
        FileColumns {
            size: width >= SIZE_FROM,
            hides: width >= HIDES_FROM && is_layer,
            layer: width >= LAYER_FROM && (!is_layer || is_sorted),
        }
    }

    /// Returns what the column at an offset is sorted by.
    #[must_use]
    pub fn key_at(self, at: usize) -> SortKey {
        let mut start = 2;
        if at < start {
            return SortKey::Change;
        }
        let columns = [
            (self.size, SIZE, SortKey::Size),
            (true, SIZE, SortKey::Waste),
            (self.hides, SIZE, SortKey::Waste),
            (self.layer, LAYER, SortKey::Layer),
        ];
        for (is_there, columns, key) in columns {
            start += if is_there { columns } else { 0 };
            if is_there && at < start {
                return key;
            }
        }
        SortKey::Name
    }
}

/// Draws the tree.
pub fn draw(frame: &mut Frame, area: Rect, app: &App) {
    let Some(image) = &app.image else {
        return hint(frame, area, app, "files appear once all layers are read; q quits");
    };
    let width = usize::from(area.width);
    let columns = FileColumns::new(app, width);
    heading(frame, area, app, columns);
    if image.files.row_count() == 0 {
        let words = nothing(app, image);
        return hint(frame, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, app, &words);
    }
    let rows = app.files.rows.iter().take(usize::from(area.height).saturating_sub(1));
    for (line, row) in rows.copied().enumerate() {
        let mut text = RowLine::new(app, width);
        fill(&mut text, app, image, row, columns);
        let cursor = cursor(app, Pane::Files, app.files.list.top + line, app.files.list.cursor);
        text.draw(line_of(area, line + 1), frame.buffer_mut(), cursor);
    }
}

fn nothing(app: &App, image: &LoadedImage) -> String {
    let show = image.files.show();
    if !app.filter.is_empty() {
        return format!("nothing here matches {:?}: Esc clears the filter", app.filter);
    }
    if show.only_waste {
        return "nothing here has waste: w shows everything".to_owned();
    }
    if show.letters != [true; 4] {
        return "everything here is hidden: A C D U show it".to_owned();
    }
    match image.files.scope() {
        TreeScope::Layer => "this layer changes no file".to_owned(),
        _ => "no file yet".to_owned(),
    }
}

fn heading(frame: &mut Frame, area: Rect, app: &App, columns: FileColumns) {
    let mut line = RowLine::new(app, usize::from(area.width));
    line.left("±", 2, Paint::Dim);
    if columns.size {
        line.right("Size", SIZE, Paint::Dim);
    }
    line.right("Waste", SIZE, Paint::Dim);
    if columns.hides {
        line.right("Hides", SIZE, Paint::Dim);
    }
    if columns.layer {
        line.right("Layer", LAYER, Paint::Dim);
    }
    let room = line.room();
    line.left("  Name", room, Paint::Dim);
    line.draw(line_of(area, 0), frame.buffer_mut(), None);
}

fn fill(line: &mut RowLine, app: &App, image: &LoadedImage, row: FileRow, columns: FileColumns) {
    let files = &image.files;
    let letter = files.letter(row.node);
    let paint = match letter {
        Letter::Added => Paint::Added,
        Letter::Changed => Paint::Changed,
        Letter::Deleted => Paint::Deleted,
        Letter::Unmodified => Paint::Plain,
    };
    line.left(&letter.char().to_string(), 2, paint);
    if columns.size {
        line.right(&app.options.units.show(files.size(row.node)), SIZE, Paint::Plain);
    }
    // Where there is one column for both, it shows what the layer wastes or hides.
    let hides = files.hides(row.node);
    let waste = files.waste(row.node) + if columns.hides { 0 } else { hides };
    bytes(line, app, waste);
    if columns.hides {
        bytes(line, app, hides);
    }
    if columns.layer {
        let number = files.stored_in(row.node).map_or_else(|| "-".to_owned(), |number| number.to_string());
        line.right(&number, LAYER, Paint::Dim);
    }
    let room = line.room();
    line.left(&name(app, image, row, room), room, paint);
}

fn bytes(line: &mut RowLine, app: &App, bytes: u64) {
    match bytes {
        0 => line.right("-", SIZE, Paint::Dim),
        bytes => line.right(&app.options.units.show(bytes), SIZE, Paint::Waste),
    }
}

/// Deep directories must leave room for the name.
const MOST_INDENT: usize = 24;

fn name(app: &App, image: &LoadedImage, row: FileRow, room: usize) -> String {
    let tree = &image.analysis.index.tree;
    let indent = (2 * row.depth).min(MOST_INDENT.min(room / 2));
    let is_directory = image.files.is_directory(row.node);
    let fold = match (is_directory, image.files.is_open(row.node)) {
        (true, true) => "▾ ",
        (true, false) => "▸ ",
        (false, _) => "  ",
    };
    let is_found = app.files.found.as_ref().is_some_and(|(_, found)| found[row.node.index()]);
    let mark = if is_found { "»" } else { "" };
    let slash = if is_directory { "/" } else { "" };
    let name = format!("{}{slash}", escape(tree.name(row.node)));
    let used = 2 + indent + 2 + usize::from(is_found);
    format!("  {}{fold}{mark}{}", " ".repeat(indent), cut_middle(&name, room.saturating_sub(used)))
}

/// Returns the directory of the cursor.
#[must_use]
pub fn breadcrumb(app: &App) -> String {
    match &app.image {
        Some(image) if app.files.node != NodeId::ROOT => escape(&image.analysis.index.tree.path(app.files.node)),
        _ => String::new(),
    }
}

/// Returns `layer 7 only · sort: waste↓ · 1/38 214`.
#[must_use]
pub fn state(app: &App) -> String {
    let Some(image) = &app.image else {
        return String::new();
    };
    let files = &image.files;
    let layer = app.layer() + 1;
    let scope = match files.scope() {
        TreeScope::Layer => format!("layer {layer} only"),
        TreeScope::UpTo => format!("up to layer {layer}"),
        TreeScope::Final => "final image".to_owned(),
    };
    let show = files.show();
    let mut parts = vec![scope];
    if !app.filter.is_empty() {
        parts.push(format!("filter {}", escape(app.filter.as_bytes())));
    }
    let hidden: String = Letter::ALL
        .iter()
        .zip(show.letters)
        .filter(|(_, shown)| !shown)
        .map(|(letter, _)| match letter {
            Letter::Unmodified => 'U',
            letter => letter.char(),
        })
        .collect();
    if !hidden.is_empty() {
        parts.push(format!("without {hidden}"));
    }
    if show.only_waste {
        parts.push("waste only".to_owned());
    }
    parts.push(format!("sort: {}", files.sort().label()));
    let row = (app.files.list.cursor + 1).min(files.row_count());
    parts.push(format!("{}/{}", count(row as u64), count(files.row_count() as u64)));
    parts.join(" · ")
}
