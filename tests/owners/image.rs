//! Small images with histories, and what the library finds about their owners.

use layerlens::analysis::{Owner, OwnerKind};
use layerlens::{Analysis, OpenOptions};

use crate::support::image::{HistorySpec, ImageSpec, Packing};
use crate::support::layer::{Kind, LayerSpec, Member, Metadata};

/// Layers, each with the step that made it.
#[derive(Default)]
pub struct Image {
    layers: Vec<(String, Vec<Member>)>,
}

impl Image {
    /// Starts a layer.
    pub fn step(mut self, step: &str) -> Self {
        self.layers.push((step.to_owned(), Vec::new()));
        self
    }

    fn push(mut self, path: &str, kind: Kind) -> Self {
        let member = Member::new(path, kind, Metadata::with_mode(0o644));
        self.layers.last_mut().expect("a layer was started").1.push(member);
        self
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.bytes(path, content.as_bytes())
    }

    pub fn bytes(self, path: &str, content: &[u8]) -> Self {
        self.push(path, Kind::File(content.to_vec()))
    }

    /// A file of as many bytes.
    pub fn sized(self, path: &str, bytes: usize) -> Self {
        self.push(path, Kind::File(vec![b'x'; bytes]))
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.push(path, Kind::Symlink(target.into()))
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.push(path, Kind::HardLink(target.into()))
    }

    pub fn whiteout(mut self, path: &str) -> Self {
        self.layers.last_mut().expect("a layer was started").1.push(Member::whiteout(path.as_bytes()));
        self
    }

    /// Analyses it; the sums hold, whatever is in it.
    pub fn analyse(self) -> Analysis {
        let (steps, layers): (Vec<String>, Vec<Vec<Member>>) = self.layers.into_iter().unzip();
        let history = steps.iter().map(|step| HistorySpec::step(step)).collect();
        let layers = layers.into_iter().map(LayerSpec::of).collect();
        open(&ImageSpec { layers, history, tags: vec!["x:1".to_owned()] }, Packing::default())
    }
}

/// Opens an image and checks the sums.
pub fn open(image: &ImageSpec, packing: Packing) -> Analysis {
    let folder = tempfile::tempdir().expect("a folder for the image");
    let path = image.write(packing, folder.path(), "image");
    let analysis = layerlens::open(&path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_sums(&analysis);
    analysis
}

/// final = Σ owners, wasted = Σ owners, final = Σ findings + rest.
pub fn assert_sums(analysis: &Analysis) {
    let owners = &analysis.owners.list;
    let live: u64 = owners.iter().map(|owner| owner.live_bytes).sum();
    let wasted: u64 = owners.iter().map(|owner| owner.wasted_bytes).sum();
    assert_eq!(live, analysis.totals.final_bytes, "final = sum of owners: {owners:#?}");
    assert_eq!(wasted, analysis.totals.wasted_bytes, "wasted = sum of owners: {owners:#?}");
    let found: u64 = analysis.findings.iter().map(|finding| finding.bytes).sum();
    assert!(found <= analysis.totals.final_bytes, "findings are live bytes");
    assert_eq!(analysis.rest_bytes(), analysis.totals.final_bytes - found);
    assert_eq!(owners.iter().filter(|owner| owner.kind == OwnerKind::None).count(), 1);
}

/// The only owner of a kind and name.
#[track_caller]
pub fn owner<'a>(analysis: &'a Analysis, kind: OwnerKind, name: &str) -> &'a Owner {
    let mut found = analysis.owners.list.iter().filter(|owner| owner.kind == kind && owner.name == name);
    let owner = found.next().unwrap_or_else(|| panic!("{name} is not in {:#?}", analysis.owners.list));
    assert!(found.next().is_none(), "{name} is there twice");
    owner
}

/// Who owns a path, as `KIND NAME`.
#[track_caller]
pub fn owner_of(analysis: &Analysis, path: &str) -> String {
    let node = analysis.index.tree.find(path.as_bytes()).unwrap_or_else(|| panic!("{path} is not there"));
    let owner = analysis.owners.owner(node);
    format!("{} {}", owner.kind.name(), owner.name).trim().to_owned()
}

#[track_caller]
pub fn assert_owners(analysis: &Analysis, expected: &[(&str, &str)]) {
    for (path, owner) in expected {
        assert_eq!(owner_of(analysis, path), *owner, "{path}");
    }
}

/// What is said of an owner: version, layer, asked for.
pub fn facts(owner: &Owner) -> (&str, Option<u32>, Option<bool>) {
    (&owner.version, owner.layer.map(layerlens::layer::LayerNumber::get), owner.asked_for)
}
