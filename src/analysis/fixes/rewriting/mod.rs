//! The words of a fix: the steps behind its layers, what can be done with their texts, and the lines that do it.
//!
//! [`timeline`] knows each step with what stood before it, [`plan`] takes the steps of a group apart, [`between`] decides
//! which steps can stay apart, [`lines`] writes. How texts are put together is [`crate::dockerfile::join`]'s.

mod between;
mod change;
mod flavour;
mod lines;
mod mounts;
mod owner;
mod pieces;
mod plan;
mod removals;
mod sh;
mod surroundings;
mod timeline;

pub(super) use between::Separable;
pub(super) use change::place_of;
pub(crate) use change::{Change, with_commands};
pub(super) use lines::{Draft, layers, sketch, why};
pub(crate) use lines::{UNKNOWN_SOURCE, printable};
pub(super) use plan::{Role, role};
pub(super) use timeline::join as absolute;
pub(crate) use timeline::{Line, Timeline};
