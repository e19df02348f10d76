//! Images straight from where they are: engines, registries, a data root. Against a registry of our own that fails in
//! every way that registries do, and against the real ones, where they are installed.
//!
//! Everything happens on this machine's loopback and in temporary folders.

#[path = "sources/agree.rs"]
mod agree;
mod common;
#[path = "sources/engines.rs"]
mod engines;
#[path = "sources/faults.rs"]
mod faults;
#[path = "sources/home.rs"]
mod home;
#[path = "sources/login.rs"]
mod login;
#[path = "sources/peers.rs"]
mod peers;
#[path = "sources/server.rs"]
mod server;
#[path = "sources/tls.rs"]
mod tls;
