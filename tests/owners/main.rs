//! Whose the live bytes are: images with the databases of each ecosystem, and random ones against the sums and a slow model.

#![expect(clippy::format_collect, reason = "small texts, made once")]

#[path = "../support/mod.rs"]
mod support;

mod hostile;
mod image;
mod languages;
mod random;
mod systems;
