//! What `RubyGems` and Bundler leave: `specifications/*.gemspec`, `Gemfile`, `Gemfile.lock`.
//!
//! Gemspecs and Gemfiles are programs. `RubyGems` writes the former itself, always in the same form; of the latter the usual
//! forms are understood, and what else there is counts as skipped.

mod gemfile;
mod lockfile;
mod spec;

pub use gemfile::{Wanted, gemfile};
pub use lockfile::{Lock, Locked, lock};
pub use spec::{Gem, gemspec};
