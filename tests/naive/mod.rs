//! A second, slow and obvious implementation of src/model.md's sections 1 to 4, to hold the library against.
//!
//! Written from the definitions alone. Each merged view is a whole map of paths, made anew from the one below it;
//! contents are compared byte by byte; questions like "which entry is in effect here" are answered by starting over.
//! Nothing is cached and nothing is clever, so that a reader can check it line by line against the page:
//! [`names`] is section 1 and what a `.wh.` name means, [`view`] section 2, [`changes`] section 3, [`waste`] section 4.
//!
//! Where the page is silent, the rule taken is stated at the code that follows it.

mod changes;
pub mod names;
pub mod view;
mod waste;

use crate::support::findings::{Findings, LayerTotals, Totals};
use crate::support::layer::LayerSpec;

use view::{Copies, MergedView, Stack};

/// Computes everything that src/model.md's sections 3 and 4 define for an image of these layers, bottom first.
pub fn analyse(layers: &[LayerSpec]) -> Findings {
    let stack = Stack::new(layers);
    let changes = (1..=layers.len()).flat_map(|number| changes::of_layer(&stack, number)).collect();
    let waste = waste::records(&stack);
    let layers = (1..=layers.len()).map(|number| LayerTotals {
        stored_bytes: stack.copies.stored_in(number).map(view::StoredCopy::bytes).sum(),
        wasted_bytes: waste.iter().filter(|record| record.stored_in == number).map(|record| record.bytes).sum(),
    });
    Findings { totals: totals(&stack.copies, stack.top()), layers: layers.collect(), changes, waste }.sorted()
}

/// The sums over all copies and over the live ones; what is wasted is summed on its own, not as their difference.
fn totals(copies: &Copies, top: &MergedView) -> Totals {
    let is_live = |id: usize| top.shows_copy(id);
    let sum = |wanted: bool| copies.iter().filter(|(id, _)| is_live(*id) == wanted).map(|(_, copy)| copy.bytes()).sum();
    Totals {
        stored_bytes: copies.iter().map(|(_, copy)| copy.bytes()).sum(),
        final_bytes: sum(true),
        wasted_bytes: sum(false),
    }
}
