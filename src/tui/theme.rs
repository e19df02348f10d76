//! Colours: the sixteen of the terminal's own palette, so that they fit its background, and none of them alone carries
//! a meaning. No background is painted; the cursor is reversed, borders are dim.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Text.
    Plain,
    /// Headings, units, borders of panes without focus.
    Dim,
    /// Emphasis.
    Bold,
    /// Border and title of the pane with the keyboard.
    Focus,
    /// Wasted bytes.
    Waste,
    /// Added paths, savings.
    Added,
    /// Changed paths.
    Changed,
    /// Deleted paths, failures.
    Deleted,
    /// Lines that go.
    Removed,
    /// Share bars.
    Bar,
    /// The program's name, marks, matches.
    Accent,
}

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Red, yellow, green, blue, cyan.
    #[default]
    Default,
    /// Blue and yellow in place of green and red.
    ColorBlind,
    /// No colours: letters, bold and reverse.
    Mono,
}

impl Theme {
    /// Every theme with its name.
    pub const ALL: [(&'static str, Theme); 3] =
        [("default", Theme::Default), ("color-blind", Theme::ColorBlind), ("mono", Theme::Mono)];

    /// Returns the theme of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Theme> {
        Theme::ALL.iter().find(|(known, _)| *known == name).map(|(_, theme)| *theme)
    }

    /// Returns how something is drawn.
    #[must_use]
    pub fn style(self, paint: Paint) -> Style {
        let plain = Style::new();
        let style = match paint {
            Paint::Plain | Paint::Added | Paint::Changed | Paint::Bar => plain,
            Paint::Dim | Paint::Removed => plain.add_modifier(Modifier::DIM),
            Paint::Bold | Paint::Focus | Paint::Waste | Paint::Deleted | Paint::Accent => {
                plain.add_modifier(Modifier::BOLD)
            }
        };
        match self.color(paint) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    fn color(self, paint: Paint) -> Option<Color> {
        let (default, color_blind) = match paint {
            Paint::Plain | Paint::Dim | Paint::Bold => return None,
            Paint::Focus | Paint::Accent => (Color::Cyan, Color::Cyan),
            Paint::Waste | Paint::Deleted | Paint::Removed => (Color::Red, Color::Yellow),
            Paint::Added => (Color::Green, Color::Blue),
            Paint::Changed => (Color::Yellow, Color::Magenta),
            Paint::Bar => (Color::Blue, Color::Blue),
        };
        match self {
            Theme::Default => Some(default),
            Theme::ColorBlind => Some(color_blind),
            Theme::Mono => None,
        }
    }
}
