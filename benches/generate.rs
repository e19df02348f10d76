//! Makes big images to measure with: `cargo bench --bench generate -- SCENARIO --out DIR`.
//!
//! Called without `--out`, as a plain `cargo bench` or `cargo test --benches` does, it says how it is
//! used and ends well. Cargo runs it in the package's directory, which relative paths start from.

#![allow(clippy::print_stdout, reason = "a command: its product is what it prints")]

mod image;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use image::{Image, Order, Recipe, Scenario, Size, Variant};

/// Makes big container images: same options, same bytes.
#[derive(Parser)]
#[command(name = "generate", bin_name = "cargo bench --bench generate --")]
struct Options {
    scenario: Scenario,
    /// Where the archives go: DIR/NAME-VARIANT.tar.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The beginning of the file names [default: the scenario].
    #[arg(long)]
    name: Option<String>,
    /// Regular files in all layers (tiny: 1000000, realistic: 60000).
    #[arg(long)]
    files: Option<u64>,
    /// Content bytes in all layers, such as 300M or 2G (realistic: 2G, large: 4G).
    #[arg(long, value_parser = parse_bytes)]
    bytes: Option<u64>,
    #[arg(long, value_enum, value_delimiter = ',', default_value = "plain,gzip,zstd")]
    variants: Vec<Variant>,
    /// The order of the entries in each layer.
    #[arg(long, value_enum, default_value = "walk")]
    order: Order,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    // `--bench` is what cargo adds to every bench target's arguments.
    let arguments: Vec<_> = std::env::args().filter(|argument| argument != "--bench").collect();
    if !arguments.iter().any(|argument| argument.starts_with("--out")) {
        println!("{}", Options::command().render_help());
        return ExitCode::SUCCESS;
    }
    match generate(&Options::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("generate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the archives and prints, for each, its path, entries and bytes between tabs.
fn generate(options: &Options) -> io::Result<()> {
    let image = Image::new(&recipe(options));
    for variant in &options.variants {
        let file = image.write(*variant, &options.out)?;
        let bytes = file.metadata()?.len();
        println!("{}\t{}\t{bytes}", file.display(), image.entry_count());
    }
    Ok(())
}

fn recipe(options: &Options) -> Recipe {
    let scenario = options.scenario;
    let size = default_size(scenario);
    let name = options.name.as_deref().unwrap_or(scenario.name());
    Recipe {
        scenario,
        size: Size { files: options.files.unwrap_or(size.files), bytes: options.bytes.unwrap_or(size.bytes) },
        order: options.order,
        seed: options.seed,
        name: name.to_owned(),
    }
}

fn default_size(scenario: Scenario) -> Size {
    match scenario {
        Scenario::Tiny => Size { files: 1_000_000, bytes: 0 },
        Scenario::Realistic => Size { files: 60_000, bytes: 2 << 30 },
        Scenario::Large => Size { files: 0, bytes: 4 << 30 },
    }
}

/// Reads a number of bytes with an optional binary suffix K, M or G.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) => (digits, &text[digits.len()..]),
        None => (text, ""),
    };
    let factor: u64 = match unit {
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 1,
    };
    let number: u64 = digits.parse().map_err(|_| "not a number like 300M or 2G".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "more than 16 EiB".to_owned())
}
