//! Realistic images, as ordinary teams write them: the patch of each is one that a person has read.

use std::path::Path;
use std::sync::Arc;

use layerlens::OpenOptions;
use layerlens::dockerfile::Dockerfile;

use crate::corpus;
use crate::peers::Missing;

/// The images, and what the patch of each saves at least.
const IMAGES: [(&str, u64); 3] = [("pyml", 482_000_000), ("node", 111_800_000), ("apt", 19_800_000)];

pub fn realistic_images_are_told_what_a_good_engineer_would_say() -> Result<(), Missing> {
    let folder = corpus()?.join("real");
    for (name, least) in IMAGES {
        let file = Dockerfile::read(&folder.join("dockerfiles").join(name).join("Dockerfile")).expect("the Dockerfile");
        let options = OpenOptions { dockerfile: Some(Arc::new(file)), ..OpenOptions::default() };
        let image = folder.join("images").join(name).with_extension("tar.zst");
        let analysis = layerlens::open(&image, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(analysis.totals.fixable_bytes >= least, "{name}: {}", analysis.totals.fixable_bytes);
        let fixes = analysis.fixes.iter().map(|fix| &fix.alternatives[0]);
        assert!(fixes.into_iter().all(|first| !first.cache.is_raised()), "{name}: a source edit costs more");
        let patch = analysis.patch_of_all().unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let hunks = patch.diff.find("\n@@").map_or("", |at| &patch.diff[at + 1..]).to_owned();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/real").join(name).with_extension("patch");
        if std::env::var_os("LAYERLENS_UPDATE").is_some() {
            std::fs::write(&golden, &hunks).expect("written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(hunks, expected, "{name}: LAYERLENS_UPDATE=1 accepts it");
    }
    Ok(())
}
