//! Where the base image ends and the user's layers begin. [Model](crate::model) 5.

use std::path::PathBuf;

use crate::archive::ImageSpec;
use crate::archive::history::HistoryEntry;
use crate::error::{AtPlace, Place, Result};
use crate::open::{self, LoadOptions};
use crate::source::{self, Access};

/// How the user wants the base to be found.
#[derive(Debug, Clone, Default)]
pub enum BaseChoice {
    /// By what the image itself says.
    #[default]
    Detect,
    /// The lowest so many layers.
    Layers(u32),
    /// The longest common prefix of `diff_ids` with another image.
    Image(PathBuf),
}

/// Which layers are the base image's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Layers 1 to this are the base image's; 0 = none is.
    pub layer_count: u32,
    /// How that is known.
    pub from: BaseFrom,
}

/// What a base was found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseFrom {
    /// The user said so.
    Option,
    /// The other image has the same layers.
    Image,
    /// The history looks like it.
    History,
    /// Nothing tells: all layers count as the user's.
    None,
}

impl BaseFrom {
    /// Returns the name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BaseFrom::Option => "option",
            BaseFrom::Image => "image",
            BaseFrom::History => "history",
            BaseFrom::None => "none",
        }
    }
}

impl BaseChoice {
    pub(super) fn find(&self, spec: &ImageSpec, access: &Access) -> Result<Base> {
        let layer_count = u32::try_from(spec.layers.len()).unwrap_or(u32::MAX);
        Ok(match self {
            BaseChoice::Layers(count) => Base { layer_count: (*count).min(layer_count), from: BaseFrom::Option },
            BaseChoice::Image(path) => {
                let place = || Place::Image(path.to_string_lossy().into_owned());
                let input = source::open(path, access).at(place)?;
                let options = LoadOptions { access: access.clone(), ..LoadOptions::default() };
                let other = open::load(input, &options).at(place)?.spec;
                Base { layer_count: common_layers(spec, &other), from: BaseFrom::Image }
            }
            BaseChoice::Detect => match guess(&spec.history, layer_count) {
                0 => Base { layer_count: 0, from: BaseFrom::None },
                count => Base { layer_count: count, from: BaseFrom::History },
            },
        })
    }
}

fn common_layers(image: &ImageSpec, base: &ImageSpec) -> u32 {
    let pairs = image.layers.iter().zip(&base.layers);
    let common = pairs.take_while(|(own, other)| own.diff_id.is_some() && own.diff_id == other.diff_id);
    u32::try_from(common.count()).unwrap_or(u32::MAX)
}

/// Guesses the number of base layers from the history; 0 where nothing tells.
///
/// A Dockerfile has its CMD or ENTRYPOINT at the end, so one that is followed by further layers ended a base image's
/// Dockerfile: everything up to the last such line is the base. Without one, the bottom layer alone is taken for the
/// base if it is a whole root file system: unpacked onto `/` by ADD, imported, or made by something that is no
/// instruction of a Dockerfile. A base never takes up the whole image: whoever looks at a base image built it.
fn guess(history: &[HistoryEntry], layer_count: u32) -> u32 {
    let last_layer = history.iter().rposition(|entry| entry.layer.is_some()).unwrap_or(0);
    let command = history[..last_layer.min(history.len())]
        .iter()
        .rposition(|entry| matches!(entry.step().instruction.as_str(), "CMD" | "ENTRYPOINT"));
    let count = match command {
        Some(end) => history[..end].iter().filter_map(|entry| entry.layer).max().unwrap_or(0),
        None => u32::from(history.iter().find(|entry| entry.layer == Some(1)).is_some_and(is_root_file_system)),
    };
    if count < layer_count { count } else { 0 }
}

fn is_root_file_system(entry: &HistoryEntry) -> bool {
    let step = entry.step();
    match step.instruction.as_str() {
        "ADD" => step.command.ends_with(" /"),
        // `docker import` leaves a comment and no command.
        "" => !entry.created_by.trim().is_empty() || !entry.comment.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[(&str, bool)]) -> (Vec<HistoryEntry>, u32) {
        let mut layer = 0;
        let entries = lines.iter().map(|(line, empty)| {
            layer += u32::from(!empty);
            HistoryEntry {
                created_by: (*line).to_owned(),
                empty_layer: *empty,
                layer: (!empty).then_some(layer),
                ..HistoryEntry::default()
            }
        });
        (entries.collect(), layer)
    }

    fn guessed(lines: &[(&str, bool)]) -> u32 {
        let (history, layers) = history(lines);
        guess(&history, layers)
    }

    #[test]
    fn a_command_in_the_middle_ends_the_base() {
        let debian = [("/bin/sh -c #(nop) ADD file:1 in / ", false), ("/bin/sh -c #(nop)  CMD [\"bash\"]", true)];
        assert_eq!(guessed(&debian), 0);
        let app =
            [&debian[..], &[("RUN /bin/sh -c apt-get update # buildkit", false), ("CMD [\"app\"]", true)]].concat();
        assert_eq!(guessed(&app), 1);
        let upper = [&app[..], &[("COPY . /app # buildkit", false)]].concat();
        assert_eq!(guessed(&upper), 2);
    }

    #[test]
    fn without_a_command_a_root_file_system_is_the_base() {
        assert_eq!(guessed(&[("ADD rootfs.tar / # buildkit", false), ("RUN make", false)]), 1);
        assert_eq!(guessed(&[("COPY app /app # buildkit", false), ("RUN make", false)]), 0);
        assert_eq!(guessed(&[]), 0);
    }
}
