//! Engines and registries: a server of our own plays them, so that it can fail in every way that they do. Real ones are
//! asked in `tests/agree.rs`.
//!
//! Everything happens on this machine's loopback and in temporary folders.

mod common;
#[path = "sources/engines.rs"]
mod engines;
#[path = "sources/faults.rs"]
mod faults;
#[path = "sources/home.rs"]
mod home;
#[path = "sources/login.rs"]
mod login;
#[path = "sources/server.rs"]
mod server;
#[path = "sources/tls.rs"]
mod tls;
