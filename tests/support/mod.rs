//! What the tests share: layers and images built in memory, and one comparable form for what a reader found in them.
//!
//! Nothing here knows how the library works. [`layer`] and [`image`] write the archives, [`compress`] the streams around
//! them, [`scenario`] reads the text files of `tests/scenarios`, and [`findings`] holds results in a form that the
//! naive model, the written expectations and the library's JSON can all be brought into. The library itself is
//! reached through one function in [`library`], so that a change of its interface is a change of one line.

#![allow(dead_code, reason = "every test binary compiles this module and uses its own part of it")]

pub mod compress;
pub mod findings;
pub mod image;
pub mod layer;
pub mod library;
pub mod pages;
#[cfg(unix)]
pub mod pty;
pub mod random;
pub mod scenario;
pub mod screen;
pub mod text;
