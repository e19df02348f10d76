//! How long it takes to open and analyse an image: entries a second for each kind of archive.
//!
//! `cargo bench --bench open` measures small images; `LAYERLENS_BENCH_SCALE=50` makes them fifty times as big, which
//! is a million tiny files and 2 GB of realistic ones. The images are made once and kept below `target/`. Compare
//! figures of one run only; what has to hold is in `benches/goals.sh` and `benches/instructions.sh`.

mod image;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::ItemsCount;

use image::{Image, Order, Recipe, Scenario, Size, Variant};
use layerlens::OpenOptions;

fn main() {
    divan::main();
}

const CASES: [Case; 8] = [
    Case(Scenario::Tiny, Order::Walk, Variant::Plain),
    Case(Scenario::Tiny, Order::Walk, Variant::Gzip),
    Case(Scenario::Tiny, Order::Walk, Variant::Zstd),
    Case(Scenario::Tiny, Order::Walk, Variant::OuterGz),
    Case(Scenario::Tiny, Order::Shuffled, Variant::Plain),
    Case(Scenario::Realistic, Order::Walk, Variant::Plain),
    Case(Scenario::Realistic, Order::Walk, Variant::Gzip),
    Case(Scenario::Realistic, Order::Walk, Variant::Zstd),
];

#[divan::bench(args = CASES, sample_count = 20, sample_size = 1)]
fn open(bencher: Bencher, case: Case) {
    let (file, entry_count) = case.prepare().expect("the image can be written");
    let options = OpenOptions::default();
    bencher.counter(ItemsCount::new(entry_count)).bench(|| {
        let analysis = layerlens::open(&file, &options).expect("the image can be read");
        assert_eq!(analysis.totals.entry_count, entry_count as u64);
        analysis
    });
}

/// What is opened, how its layers are ordered, and how it is stored.
#[derive(Clone, Copy)]
struct Case(Scenario, Order, Variant);

impl Case {
    /// Makes the image unless it is there; returns its file and how many entries it has.
    fn prepare(self) -> io::Result<(PathBuf, usize)> {
        let image = Image::new(&self.recipe());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
        let file = directory.join(self.to_string());
        if !file.exists() {
            image.write(self.2, &directory)?;
        }
        Ok((file, image.entry_count()))
    }

    fn recipe(self) -> Recipe {
        let Self(scenario, order, _) = self;
        let scale = scale();
        let size = match scenario {
            Scenario::Tiny => Size { files: 20_000 * scale, bytes: 0 },
            Scenario::Realistic | Scenario::Large => Size { files: 1200 * scale, bytes: (40 << 20) * scale },
        };
        Recipe { scenario, size, order, seed: 1, name: self.name() }
    }

    fn name(self) -> String {
        let Self(scenario, order, _) = self;
        let order = if order == Order::Shuffled { "-shuffled" } else { "" };
        format!("{}{order}-x{}", scenario.name(), scale())
    }
}

/// The image's file name.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.2.file_name(&self.name()))
    }
}

fn scale() -> u64 {
    let scale = std::env::var("LAYERLENS_BENCH_SCALE").ok();
    scale.map_or(1, |scale| scale.parse().expect("LAYERLENS_BENCH_SCALE is a whole number"))
}
