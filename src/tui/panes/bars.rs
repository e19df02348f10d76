//! The line above the panes (the image, its sums, the verdict) and the line below (keys, message, typed text).

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use crate::task::Task;
use crate::tui::app::App;
use crate::tui::front::{Asking, Prompt};
use crate::tui::text::{cut, cut_middle, percent, plural};
use crate::tui::theme::Paint;

/// A piece of the header; the lower its rank, the longer it stays when the screen is narrow.
struct HeaderPiece {
    text: String,
    paint: Paint,
    rank: u8,
}

/// Draws ` layerlens  shop-api:1.4  8 layers  719.4 MB  waste 284.6 MB (39.6 %)  efficiency 60.4 %  gate ✗`.
pub fn header(frame: &mut Frame, area: Rect, app: &App) {
    let theme = app.options.theme;
    let name_style = theme.style(Paint::Accent).add_modifier(Modifier::REVERSED);
    let mut spans = vec![Span::styled(" layerlens ", name_style)];
    let room = usize::from(area.width).saturating_sub(11);
    let pieces = pieces(app);
    let wanted: usize = pieces.iter().filter(|piece| piece.rank < 3).map(|piece| piece.text.width() + 2).sum();
    let name = crate::tui::text::cut_middle(&app.name(), room.saturating_sub(wanted + 2).clamp(8, 60));
    let mut left = room.saturating_sub(name.width() + 2);
    let mut ranks: Vec<u8> = Vec::new();
    let mut by_rank: Vec<&HeaderPiece> = pieces.iter().collect();
    by_rank.sort_by_key(|piece| piece.rank);
    for piece in by_rank {
        if piece.text.width() + 2 <= left {
            left -= piece.text.width() + 2;
            ranks.push(piece.rank);
        }
    }
    spans.push(Span::styled(format!("  {name}"), theme.style(Paint::Bold)));
    for piece in pieces.iter().filter(|piece| ranks.contains(&piece.rank)) {
        spans.push(Span::styled(format!("  {}", piece.text), theme.style(piece.paint)));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

fn pieces(app: &App) -> Vec<HeaderPiece> {
    let piece = |rank, text: String, paint| HeaderPiece { text, paint, rank };
    let Some(image) = &app.image else {
        return vec![piece(0, reading(app), Paint::Plain)];
    };
    let (totals, units) = (&image.analysis.totals, app.options.units);
    let share = percent(totals.wasted_bytes, totals.stored_bytes);
    let live = percent(totals.final_bytes, totals.stored_bytes.max(1));
    let mut pieces = vec![
        piece(2, plural(image.analysis.layers.len() as u64, "layer"), Paint::Plain),
        piece(1, units.show(totals.stored_bytes), Paint::Plain),
        match totals.wasted_bytes {
            0 => piece(0, "no waste".to_owned(), Paint::Added),
            bytes => piece(0, format!("waste {} ({share})", units.show(bytes)), Paint::Waste),
        },
        piece(4, format!("efficiency {live}"), Paint::Plain),
    ];
    if let Some(verdict) = &app.verdict {
        let broken: Vec<_> = verdict.rules.iter().filter(|rule| !rule.passed).collect();
        pieces.push(match &broken[..] {
            [] => piece(3, "gate ✓".to_owned(), Paint::Added),
            [rule] => piece(3, format!("gate ✗ {}", rule.sentence(units)), Paint::Deleted),
            rules => piece(3, format!("gate ✗ {} rules broken", rules.len()), Paint::Deleted),
        });
    }
    pieces
}

const GAUGE: usize = 16;
const SPINNER: [&str; 4] = ["⠋", "⠙", "⠸", "⠴"];

/// `reading  3/8 layers  ━━━━━━━━╌╌╌╌  1.2 GB of 2.3 GB  640.0 MB/s`.
fn reading(app: &App) -> String {
    let (done, total) = app.options.progress.bytes();
    let units = app.options.units;
    let known = app.known.iter().filter(|known| known.is_some()).count();
    let layers = match (app.spec.as_ref(), app.passed.0) {
        (Some(spec), _) => format!("layer {known}/{}", spec.layers.len()),
        (None, 0) => "opening".to_owned(),
        (None, passed) => plural(passed, "layer"),
    };
    let spin = spinner(app);
    let rate = match (app.rates.first(), app.rates.last()) {
        (Some(first), Some(last)) if app.rates.len() > 1 => {
            let ticks = app.rates.len() as u64 - 1;
            format!("  {}/s", units.show((last - first.min(last)) * crate::tui::TICKS_PER_SECOND / ticks))
        }
        _ => String::new(),
    };
    if total == 0 {
        return format!("{spin} {layers}  {}{rate}", units.show(done));
    }
    let filled = usize::try_from(u128::from(done) * GAUGE as u128 / u128::from(total)).unwrap_or(0).min(GAUGE);
    let gauge = format!("{}{}", "━".repeat(filled), "╌".repeat(GAUGE - filled));
    format!("{spin} {layers}  {gauge}  {} of {}{rate}", units.show(done), units.show(total))
}

/// Draws what is typed, else a message, else the marks, else the keys.
pub fn footer(frame: &mut Frame, area: Rect, app: &App) {
    if let Some(prompt) = &app.prompt {
        return typed(frame, area, app, prompt);
    }
    let theme = app.options.theme;
    let room = usize::from(area.width).saturating_sub(2);
    let message = app
        .status
        .clone()
        .map(|text| (text, Paint::Bold))
        .or_else(|| writing(app).or_else(|| searching(app)).map(|text| (text, Paint::Bold)))
        .or_else(|| marks(app).map(|text| (text, Paint::Accent)));
    let line = match message {
        Some((text, paint)) => Line::styled(format!(" {}", cut(&text, room)), theme.style(paint)),
        None => keys(app, room),
    };
    frame.render_widget(Paragraph::new(line), area);
}

/// Returns how far the writing has come.
fn writing(app: &App) -> Option<String> {
    let writing = app.writing.as_ref()?;
    let spin = spinner(app);
    Some(format!("{spin} writing {}: {} · Esc stops it", writing.label, so_far(app, &writing.task)))
}

/// Returns what is still searched for.
fn searching(app: &App) -> Option<String> {
    let text = app.searched()?;
    let text = cut_middle(&crate::escape::escape(text.as_bytes()), LONGEST_PATTERN);
    Some(format!("{} searching for {text} · Esc stops it", spinner(app)))
}

const LONGEST_PATTERN: usize = 40;

fn spinner(app: &App) -> &'static str {
    SPINNER[usize::try_from(app.ticks).unwrap_or(0) % SPINNER.len()]
}

/// Returns `12.0 MB of 80.0 MB`.
pub(super) fn so_far(app: &App, task: &Task) -> String {
    let units = app.options.units;
    match task.bytes() {
        (done, 0) => units.show(done),
        (done, total) => format!("{} of {}", units.show(done), units.show(total)),
    }
}

/// What merging the marked layers saves.
fn marks(app: &App) -> Option<String> {
    let (low, high) = app.marked_range()?;
    if low == high {
        return Some(format!("layer {low} marked: mark another to see what merging the range would save · Esc clears"));
    }
    let merge = app.fixes.table.what_if.as_ref()?.merges.first()?;
    let saving = match merge.saves_bytes {
        0 => "saves nothing".to_owned(),
        bytes => format!("saves {} in {}", app.options.units.show(bytes), plural(merge.file_count as u64, "file")),
    };
    Some(format!("merging layers {low} to {high} {saving} · 4 shows the lines · Esc clears"))
}

fn keys(app: &App, room: usize) -> Line<'static> {
    let theme = app.options.theme;
    let words = app.options.keys.footer(app.keyboard());
    let width = |(key, word): &(String, &str)| key.width() + word.width() + if word.is_empty() { 2 } else { 3 };
    // Help and quit are shown in any case.
    let always = words.iter().rev().take(2).map(width).sum::<usize>();
    let mut left = room;
    let mut spans = vec![Span::raw(" ")];
    for (at, pair) in words.iter().enumerate() {
        let is_last = at + 2 >= words.len();
        if width(pair) + if is_last { 0 } else { always } > left {
            continue;
        }
        left -= width(pair);
        spans.push(Span::styled(pair.0.clone(), theme.style(Paint::Bold)));
        let word = if pair.1.is_empty() { "  ".to_owned() } else { format!(" {}  ", pair.1) };
        spans.push(Span::styled(word, theme.style(Paint::Dim)));
    }
    Line::from(spans)
}

fn typed(frame: &mut Frame, area: Rect, app: &App, prompt: &Prompt) {
    let width = usize::from(area.width);
    // A long path must leave room for what is typed, and that for what is wrong with it.
    let label = &cut_middle(&prompt.label, width * 2 / 3);
    let theme = app.options.theme;
    let text = crate::escape::escape(prompt.text.as_bytes());
    let hint = typed_hint(prompt);
    let hint_room = hint.as_ref().map_or(0, |(hint, _)| (hint.width() + 3).min(width / 2));
    let room = width.saturating_sub(label.width() + 3 + hint_room);
    // The end of what is typed stays in sight.
    let skipped = text.chars().count().saturating_sub(room);
    let text: String = text.chars().skip(skipped).collect();
    let end = area.x + u16::try_from(1 + label.width() + text.width()).unwrap_or(u16::MAX);
    let mut spans = vec![Span::raw(" "), Span::styled(label.clone(), theme.style(Paint::Accent)), Span::raw(text)];
    if let Some((hint, paint)) = hint {
        let room = usize::from(area.width.saturating_sub(end)).saturating_sub(3);
        spans.push(Span::styled(format!("  {}", cut(&hint, room)), theme.style(paint)));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
    frame.set_cursor_position(Position::new(end.min(area.right().saturating_sub(1)), area.y));
}

/// Returns what is shown after the typed text: what is wrong with it, what was left out, or what can be typed.
fn typed_hint(prompt: &Prompt) -> Option<(String, Paint)> {
    let idea = match prompt.asking {
        _ if !prompt.text.is_empty() => None,
        Asking::Find | Asking::Filter => Some(HINT),
        Asking::FindText => Some("text, exact with a capital letter, or re:expression"),
        Asking::Extract | Asking::Report => None,
    };
    let problem = prompt.problem.clone().map(|problem| (problem, Paint::Deleted));
    let note = || prompt.note.clone().map(|note| (note, Paint::Dim));
    problem.or_else(note).or_else(|| idea.map(|idea| (idea.to_owned(), Paint::Dim)))
}

const HINT: &str = "part of a path, a glob (*.so) or re:expression; ! inverts";
