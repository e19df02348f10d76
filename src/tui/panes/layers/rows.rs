//! The rows of the layer list: it lines up with `docker history`, oldest first, so history entries without a layer have
//! a row as well; the base image's can be folded into one.

use crate::archive::ImageSpec;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRow {
    /// Layers 1 to `layer_count`, folded.
    Base {
        /// How many.
        layer_count: usize,
    },
    /// A layer, by its place from the bottom.
    Layer(usize),
    /// A history entry without a layer, by its place in the history.
    Step(usize),
}

/// Lists the rows of an image; `folded` base layers make one row.
#[must_use]
pub fn rows(spec: &ImageSpec, folded: usize) -> Vec<LayerRow> {
    let mut rows = Vec::with_capacity(spec.history.len() + 1);
    let mut next = 0;
    if folded > 0 {
        rows.push(LayerRow::Base { layer_count: folded });
        next = folded;
    }
    let in_base = |place: usize| {
        folded > 0
            && spec.history[place..].iter().any(|entry| entry.layer.is_some_and(|layer| layer as usize <= folded))
    };
    for (place, entry) in spec.history.iter().enumerate() {
        match entry.layer.map(|layer| layer as usize) {
            Some(layer) if layer <= folded => {}
            Some(layer) if layer <= spec.layers.len() => {
                rows.push(LayerRow::Layer(layer - 1));
                next = layer;
            }
            _ if in_base(place) => {}
            _ => rows.push(LayerRow::Step(place)),
        }
    }
    // A history that is too short leaves layers without a line.
    rows.extend((next..spec.layers.len()).map(LayerRow::Layer));
    rows
}
