//! The image as a Dockerfile: each line of the history as its author wrote it, as far as it tells, with the layer it made.
//!
//! For reading, not for building: what a builder does not record (sources, flags, what stood in other stages) cannot be
//! shown, and what it does record is not always quoted as it was.

use std::collections::HashMap;
use std::sync::Arc;

use super::base::Base;
use super::{Analysis, Layer};
use crate::archive::ImageSpec;
use crate::archive::history::{self, HistoryEntry};
use crate::dockerfile::step::Step;
use crate::dockerfile::{Dockerfile, Fit, Lines, Misfit};

/// One step.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The instruction, or what else the line says. May hold line breaks; not escaped.
    pub text: String,
    /// Whether it is an instruction of a Dockerfile.
    pub is_instruction: bool,
    /// The layer it made.
    pub layer: Option<&'a Layer>,
}

/// Returns the steps, oldest first; layers that no line belongs to stand at the end.
#[must_use]
pub fn entries(analysis: &Analysis) -> Vec<Entry<'_>> {
    let layer = |number: u32| analysis.layers.get(number as usize - 1);
    let steps = history::steps(&analysis.spec.history);
    let mut entries: Vec<Entry<'_>> = steps
        .into_iter()
        .zip(&analysis.spec.history)
        .map(|(step, line)| {
            let words =
                [std::slice::from_ref(&step.instruction), &step.flags, std::slice::from_ref(&step.command)].concat();
            let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let is_instruction = !step.instruction.is_empty();
            let text = if words.is_empty() { "(the history does not say)".to_owned() } else { words.join(" ") };
            Entry { text, is_instruction, layer: line.layer.and_then(layer) }
        })
        .collect();
    let unknown = analysis.layers.iter().filter(|layer| layer.history.is_none());
    entries.extend(unknown.map(|layer| Entry {
        text: "(the history does not say)".to_owned(),
        is_instruction: false,
        layer: Some(layer),
    }));
    entries
}

/// Returns the lines of the user's Dockerfile that made each layer, as far as they are known.
#[must_use]
pub fn lines_by_layer(file: &Dockerfile, analysis: &Analysis) -> HashMap<u32, Lines> {
    if let Ok(fit) = fit(file, analysis) {
        let layers = analysis.layers.iter().map(|layer| layer.number.get());
        return layers.filter_map(|layer| Some((layer, fit.source(layer)?.lines()))).collect();
    }
    file.lines_by_layer(&steps(&analysis.spec.history), analysis.base.layer_count)
}

/// A Dockerfile, held against an image.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The file.
    pub file: Arc<Dockerfile>,
    /// Which of its instructions made each layer, or why it is not the file that the image was built from.
    pub fit: Result<Fit, Misfit>,
}

impl Fitted {
    /// Returns the last FROM of the file, without a name for the stage; a placeholder where it has none.
    pub(crate) fn last_from(&self) -> String {
        let mut lines = self.file.text().lines().map(str::trim);
        let last = lines.rfind(|line| line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("FROM ")));
        let line = last.unwrap_or("FROM (the base image)");
        let end = line.to_ascii_uppercase().rfind(" AS ").unwrap_or(line.len());
        line[..end].trim_end().to_owned()
    }

    pub(super) fn new(file: &Arc<Dockerfile>, spec: &ImageSpec, layers: &[Layer], base: Base) -> Self {
        Fitted { file: Arc::clone(file), fit: fit_layers(file, &spec.history, layers, base) }
    }
}

/// Returns which instruction of the Dockerfile made each layer above the base.
///
/// # Errors
/// Where the image was not built from this file, or its history does not tell.
pub fn fit(file: &Dockerfile, analysis: &Analysis) -> Result<Fit, Misfit> {
    fit_layers(file, &analysis.spec.history, &analysis.layers, analysis.base)
}

fn fit_layers(file: &Dockerfile, history: &[HistoryEntry], layers: &[Layer], base: Base) -> Result<Fit, Misfit> {
    if let Some(layer) = layers.iter().find(|layer| !layer.is_base && layer.history.is_none()) {
        return Err(Misfit::new(format!("the image's history does not say what made layer {}", layer.number)));
    }
    file.fit(&steps(history), base.layer_count)
}

fn steps(history: &[HistoryEntry]) -> Vec<(Step, Option<u32>)> {
    history::steps(history).into_iter().zip(history).map(|(step, line)| (step, line.layer)).collect()
}
