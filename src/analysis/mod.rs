//! The finished picture of an image: plain, owned, complete. Every output draws from one [`Analysis`] and computes no
//! number of its own.

pub(crate) mod base;
mod choice;
pub(crate) mod dockerfile;
pub(crate) mod findings;
pub(crate) mod fixes;
pub(crate) mod owners;
pub(crate) mod patch;
pub(crate) mod rootfs;
pub(crate) mod start;
pub(crate) mod twins;
pub(crate) mod waste;
pub(crate) mod waste_groups;
pub(crate) mod weights;

pub use base::{Base, BaseChoice, BaseFrom};
pub use choice::{Choice, Chosen, NotChoice};
pub use dockerfile::{Entry as HistoryStep, Fitted, entries as history_steps, fit, lines_by_layer};
pub use findings::{Class, Confidence, DirectStart, Finding, FindingPath, Scope};
pub use fixes::{Alternative, CacheCost, Edit, Fix, FixFile, Kind as FixKind, NotRanges, Ranges, Unfixed, WhatIf};
pub use owners::{Owner, OwnerKind, Owners};
pub use patch::{NoPatch, Patch};
pub use twins::DuplicateContent;
pub use waste::{Cause, WasteRecord};
pub use waste_groups::WasteGroup;
pub use weights::{Weight, Weights};

use std::path::Path;
use std::sync::Arc;

use crate::archive::{ImageSpec, RunConfig};
use crate::digest::{ChainId, DiffId, Digest};
use crate::dockerfile::{Dockerfile, Instruction, Lines};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode, Warnings};
use crate::layer::blob::Blob;
use crate::layer::entry::LayerNumber;
use crate::layer::index::Index;
use crate::merge::changes::{self, Change};
use crate::merge::identity;
use crate::merge::merger::{self, LayerEffect};
use crate::open::{self, LoadOptions, Loaded};
use crate::source;
use rootfs::Rootfs;

/// How an image is read and judged.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Which image, whether digests are verified, where progress goes.
    pub load: LoadOptions,
    /// Where the base image ends.
    pub base: BaseChoice,
    /// What a step must save to be worth merging; by default the larger of 100 kB and 0.1 % of the image.
    pub min_saving: Option<u64>,
    /// Whether the waste is measured on the wire too: compressed layers that hold some are read a second time.
    pub wire: bool,
    /// The Dockerfile that the image was built from: where it fits, fixes are edits of its lines.
    pub dockerfile: Option<Arc<Dockerfile>>,
    /// Which needless live bytes are looked for, and whether owners are; a gate about waste needs none.
    pub findings: Scope,
}

/// An image, analysed.
#[derive(Debug)]
pub struct Analysis {
    /// What was opened, as the user named it.
    pub source: String,
    /// What the image's documents say.
    pub spec: ImageSpec,
    /// Which layers are the base image's.
    pub base: Base,
    /// The layers, bottom first.
    pub layers: Vec<Layer>,
    /// The sums over all layers.
    pub totals: Totals,
    /// The copies that no container can read: largest first, then by path and storing layer.
    pub waste: Vec<WasteRecord>,
    /// What to change, largest saving first, then by layer.
    pub fixes: Vec<Fix>,
    /// The Dockerfile, and whether it fits the image.
    pub dockerfile: Option<Fitted>,
    /// Waste that is worth a change, but no edit is known for it: largest first, then by layer.
    pub unfixed: Vec<Unfixed>,
    /// Whose the live bytes are; empty where that was not asked for.
    pub owners: Owners,
    /// Live bytes that are most likely needless: largest first, then by class.
    pub findings: Vec<Finding>,
    /// What is odd but leaves the numbers right.
    pub warnings: Vec<Warning>,
    /// Every entry of every layer.
    pub index: Index,
    effects: Vec<LayerEffect>,
}

/// One layer and its sums.
#[derive(Debug, Clone)]
pub struct Layer {
    /// 1 = the bottom.
    pub number: LayerNumber,
    /// The digest of the uncompressed tar, as the config states it.
    pub diff_id: Option<DiffId>,
    /// The identity of the layer on top of those below.
    pub chain_id: Option<ChainId>,
    /// The digest of the blob as it is stored and pulled, where it is known.
    pub blob_digest: Option<Digest>,
    /// How the blob is stored.
    pub blob: Blob,
    /// Content bytes of all copies, uncompressed.
    pub stored_bytes: u64,
    /// Content bytes of the copies that no container can read.
    pub wasted_bytes: u64,
    /// Members of the tar, whiteouts included.
    pub entry_count: u64,
    /// Copies: regular files.
    pub file_count: u64,
    /// Paths that are new.
    pub added_count: u64,
    /// Paths that are stored again.
    pub changed_count: u64,
    /// Topmost paths that are deleted.
    pub deleted_count: u64,
    /// Whether it is the base image's.
    pub is_base: bool,
    /// Its line in the history, as a place in the image's history.
    pub history: Option<usize>,
}

/// Sums over all layers. All bytes are uncompressed content bytes, but for `blob_bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Members of all layers, whiteouts included.
    pub entry_count: u64,
    /// Copies: regular files in all layers.
    pub file_count: u64,
    /// All copies.
    pub stored_bytes: u64,
    /// The copies that the whole image shows.
    pub final_bytes: u64,
    /// The copies that no container can read. `stored = final + wasted`.
    pub wasted_bytes: u64,
    /// Wasted bytes by cause, in the order of [`Cause::ALL`].
    pub wasted_by_cause: [u64; Cause::ALL.len()],
    /// Wasted copies that the base image's layers store.
    pub inherited_bytes: u64,
    /// The part of that which steps of the user's hide: a newer base image has other bytes there.
    pub replaced_bytes: u64,
    /// What the fixes save. `wasted = fixable + inherited + remainder`.
    pub fixable_bytes: u64,
    /// The part of the remainder that every installation writes again: package databases and the like.
    pub unavoidable_bytes: u64,
    /// All layers as they are stored and pulled.
    pub blob_bytes: u64,
    /// The wasted copies on the wire, where all of them were measured.
    pub wasted_wire_bytes: Option<u64>,
    /// Copies in the layers above the base.
    pub user_stored_bytes: u64,
}

impl Totals {
    /// Returns the share of stored bytes that containers see, 0 to 1; 1 for an empty image.
    #[must_use]
    pub fn efficiency(&self) -> f64 {
        ratio(self.final_bytes, self.stored_bytes)
    }

    /// Returns the wasted copies that layers above the base store.
    #[must_use]
    pub fn user_wasted_bytes(&self) -> u64 {
        self.wasted_bytes - self.inherited_bytes
    }

    /// Returns the waste that neither a fix nor the base image accounts for.
    #[must_use]
    pub fn remainder_bytes(&self) -> u64 {
        self.wasted_bytes - self.inherited_bytes - self.fixable_bytes
    }
}

/// Returns `part / whole`; 1 where there is no whole.
#[expect(clippy::cast_precision_loss, reason = "a ratio for people; rules compare integers")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Opens and analyses an image: a path, `-` for standard input, `docker://NAME`, `podman://NAME`,
/// `registry://HOST/NAME`, `docker-root:PATH`, or the name of an image that a local engine has.
///
/// # Errors
/// Where the input cannot be read, is no image, is damaged or incomplete; every number would be wrong then.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Analysis> {
    let name = if path.as_os_str() == "-" { "stdin".into() } else { path.to_string_lossy().into_owned() };
    let place = || Place::Image(name.clone());
    let load = LoadOptions { evidence: options.findings != Scope::Nothing, ..options.load.clone() };
    let loaded = source::open(path, &load.access).and_then(|input| open::load(input, &load)).at(place)?;
    let options = &OpenOptions { load, ..options.clone() };
    analyse(name.clone(), loaded, options).at(place)
}

/// Analyses a loaded image.
///
/// # Errors
/// Where contents that must be compared cannot be read again, or sizes do not fit 64 bits.
pub fn analyse(source: String, loaded: Loaded, options: &OpenOptions) -> Result<Analysis> {
    let Loaded { spec, mut index, blobs, mut warnings, kept } = loaded;
    let merged = merger::merge(&mut index, &mut warnings)?;
    identity::decide(&mut index, &blobs, &merged.undecided)?;
    let base = find_base(options, &spec, &mut warnings)?;
    let mut waste = waste::records(&index, merged.hidden);
    if options.wire {
        waste::measure_wire(&mut waste, &blobs)?;
    }
    let layers = layers(&spec, &index, blobs, &merged.effects, &waste, base.layer_count);
    let mut totals = totals(&layers, &waste, merged.final_bytes, base, options.wire)?;
    if index.layers.len() > fixes::MOST_LAYERS {
        let message =
            format!("more than {} layers: no fixes were looked for, all waste is remainder", fixes::MOST_LAYERS);
        warnings.push(Warning::new(WarningCode::TooManyLayers, message));
    }
    let dockerfile = options.dockerfile.as_ref().map(|file| Fitted::new(file, &spec, &layers, base));
    let found = fixes::find(fixes::Input {
        dockerfile: dockerfile.as_ref().and_then(|fitted| fitted.fit.as_ref().ok()),
        index: &index,
        history: &spec.history,
        waste: &waste,
        base_count: base.layer_count,
        threshold: fixes::threshold(options.min_saving, totals.stored_bytes),
    });
    totals.fixable_bytes = found.fixes.iter().map(|fix| fix.saves_bytes).sum();
    totals.unavoidable_bytes = found.unavoidable_bytes;
    let (owners, findings) = if options.load.evidence {
        let files = Rootfs::new(&index, layers.iter().map(|layer| &layer.blob).collect(), &kept);
        let owners = owners::find(&files, &waste, &spec.history, base.layer_count, &mut warnings);
        let config = RunConfig::parse(&spec.config);
        let is_packaged = |node| owners.owner(node).kind.is_system();
        let start = start::follow(&files, &config, &is_packaged, base.layer_count);
        let input = findings::Input {
            rootfs: &files,
            owners: &owners,
            start: &start,
            config: &config,
            base_count: base.layer_count,
            scope: options.findings,
            from: dockerfile.as_ref().map_or_else(|| "FROM (the base image)".to_owned(), Fitted::last_from),
            least_bytes: findings::LEAST_BYTES.max(totals.final_bytes / 1000),
        };
        let fit = dockerfile.as_ref().and_then(|fitted| fitted.fit.as_ref().ok());
        let findings = findings::find(&input, &fixes::timeline(&spec.history, layers.len(), fit));
        (owners, findings)
    } else {
        (Owners::default(), Vec::new())
    };
    Ok(Analysis {
        source,
        spec,
        base,
        layers,
        totals,
        waste,
        fixes: found.fixes,
        unfixed: found.unfixed,
        dockerfile,
        owners,
        findings,
        warnings: warnings.into_list(),
        index,
        effects: merged.effects,
    })
}

fn find_base(options: &OpenOptions, spec: &ImageSpec, warnings: &mut Warnings) -> Result<Base> {
    let base = options.base.find(spec, &options.load.access)?;
    if let BaseChoice::Layers(wanted) = &options.base
        && *wanted > base.layer_count
    {
        let message = format!("the image has {} layers, not {wanted}: all of them count as the base", base.layer_count);
        warnings.push(Warning::new(WarningCode::BaseLayers, message));
    }
    Ok(base)
}

fn layers(
    spec: &ImageSpec,
    index: &Index,
    blobs: Vec<Blob>,
    effects: &[LayerEffect],
    waste: &[WasteRecord],
    base_count: u32,
) -> Vec<Layer> {
    let mut wasted = vec![0u64; index.layers.len()];
    for record in waste {
        wasted[record.stored_in.index()] += record.bytes;
    }
    let mut history: Vec<Option<usize>> = vec![None; index.layers.len()];
    for (place, entry) in spec.history.iter().enumerate() {
        if let Some(slot) = entry.layer.and_then(|layer| history.get_mut(layer as usize - 1)) {
            *slot = Some(place);
        }
    }
    let mut chain: Option<ChainId> = None;
    let mut layers = Vec::with_capacity(index.layers.len());
    for (at, ((reference, entries), blob)) in spec.layers.iter().zip(&index.layers).zip(blobs).enumerate() {
        let number = LayerNumber::from_index(at);
        let is_chained = at == 0 || chain.is_some();
        chain = reference.diff_id.as_ref().filter(|_| is_chained).map(|id| ChainId::on_top_of(chain.as_ref(), id));
        let effect = &effects[at];
        layers.push(Layer {
            number,
            diff_id: reference.diff_id.clone(),
            chain_id: chain.clone(),
            // What is stored plain has its diff_id for a digest.
            blob_digest: reference.blob_digest.clone().or_else(|| {
                let diff_id = reference.diff_id.as_ref()?;
                (blob.compression == crate::source::compression::Compression::None).then(|| diff_id.0.clone())
            }),
            stored_bytes: entries.stored_bytes,
            wasted_bytes: wasted[at],
            entry_count: entries.member_count,
            file_count: entries.file_count,
            added_count: effect.added_count,
            changed_count: effect.changed_count,
            deleted_count: effect.deleted.len() as u64,
            is_base: number.get() <= base_count,
            history: history[at],
            blob,
        });
    }
    layers
}

fn totals(layers: &[Layer], waste: &[WasteRecord], final_bytes: u64, base: Base, is_measured: bool) -> Result<Totals> {
    let overflow = || Error::TooLarge { what: "the sum of all sizes".to_owned(), limit: "2^64 bytes".to_owned() };
    let sum = |of: &dyn Fn(&Layer) -> u64| layers.iter().try_fold(0u64, |sum, layer| sum.checked_add(of(layer)));
    let mut totals = Totals {
        entry_count: sum(&|layer| layer.entry_count).ok_or_else(overflow)?,
        file_count: sum(&|layer| layer.file_count).ok_or_else(overflow)?,
        stored_bytes: sum(&|layer| layer.stored_bytes).ok_or_else(overflow)?,
        blob_bytes: sum(&|layer| layer.blob.blob_bytes).ok_or_else(overflow)?,
        user_stored_bytes: sum(&|layer| if layer.is_base { 0 } else { layer.stored_bytes }).ok_or_else(overflow)?,
        final_bytes,
        wasted_wire_bytes: waste.iter().map(|record| record.wire_bytes).sum::<Option<u64>>().filter(|_| is_measured),
        ..Totals::default()
    };
    for record in waste {
        totals.wasted_bytes += record.bytes;
        totals.wasted_by_cause[record.cause as usize] += record.bytes;
        if record.stored_in.get() <= base.layer_count {
            totals.inherited_bytes += record.bytes;
            if record.hidden_by.get() > base.layer_count {
                totals.replaced_bytes += record.bytes;
            }
        }
    }
    debug_assert_eq!(totals.stored_bytes, totals.final_bytes + totals.wasted_bytes);
    Ok(totals)
}

impl Analysis {
    /// Returns the changes of a layer in the order of their paths. Costs the image's paths.
    #[must_use]
    pub fn changes(&self, layer: LayerNumber) -> Vec<Change> {
        let ranks = self.index.tree.path_ranks();
        let mut changes: Vec<Change> = self.changes_unsorted(layer).collect();
        changes.sort_by_key(|change| ranks[change.node.index()]);
        changes
    }

    /// Returns the changes of a layer in no order. Costs the layer's entries.
    pub fn changes_unsorted(&self, layer: LayerNumber) -> impl Iterator<Item = Change> {
        changes::of_layer(&self.index, &self.effects[layer.index()], layer)
    }

    /// Returns the step that replaces most bytes of the base image, and how many, without the files that every installation
    /// writes again. Costs the waste records.
    #[must_use]
    pub fn most_replacing(&self) -> Option<(LayerNumber, u64)> {
        let base = self.base.layer_count;
        if self.totals.replaced_bytes == 0 {
            return None;
        }
        let mut sums = vec![0u64; self.layers.len()];
        for record in self.waste.iter().filter(|record| record.stored_in.get() <= base && record.hidden_by.get() > base)
        {
            if !fixes::is_written_by_every_installation(&self.index.tree.path(record.node)) {
                sums[record.hidden_by.index()] += record.bytes;
            }
        }
        let most = sums.into_iter().enumerate().max_by_key(|(at, bytes)| (*bytes, std::cmp::Reverse(*at)))?;
        (most.1 > fixes::threshold(None, self.totals.stored_bytes)).then(|| (LayerNumber::from_index(most.0), most.1))
    }

    /// Returns the chain id of the whole image, where every layer states its `diff_id`.
    #[must_use]
    pub fn chain_id(&self) -> Option<&ChainId> {
        self.layers.last()?.chain_id.as_ref()
    }

    /// Returns the live bytes of the findings of one confidence.
    #[must_use]
    pub fn needless_bytes(&self, confidence: Confidence) -> u64 {
        let mine = self.findings.iter().filter(|finding| finding.confidence == confidence);
        mine.map(|finding| finding.bytes).sum()
    }

    /// Returns the live bytes that no finding is about. `final = Σ findings + rest`.
    #[must_use]
    pub fn rest_bytes(&self) -> u64 {
        self.totals.final_bytes - self.findings.iter().map(|finding| finding.bytes).sum::<u64>()
    }

    /// Returns the stored bytes if every fix were made.
    #[must_use]
    pub fn fixed_bytes(&self) -> u64 {
        self.totals.stored_bytes - self.totals.fixable_bytes
    }

    /// Returns the lines of the user's Dockerfile that made a layer, where it is known and fits the image.
    #[must_use]
    pub fn lines_of(&self, layer: LayerNumber) -> Option<Lines> {
        let fit = self.dockerfile.as_ref()?.fit.as_ref().ok()?;
        fit.source(layer.get()).map(Instruction::lines)
    }

    /// Returns the step that made a layer, as the user wrote it; empty where the history does not tell.
    #[must_use]
    pub fn step(&self, layer: LayerNumber) -> String {
        self.layers[layer.index()].history.map(|place| self.step_at(place)).unwrap_or_default()
    }

    /// Returns a step by its place in the history, as the user wrote it: where a builder recorded a digest of what is copied,
    /// it is the line of the Dockerfile, if that is known.
    #[must_use]
    pub fn step_at(&self, place: usize) -> String {
        let Some(entry) = self.spec.history.get(place) else { return String::new() };
        let step = entry.step();
        let fit = self.dockerfile.as_ref().and_then(|fitted| fitted.fit.as_ref().ok());
        let layer = entry.layer.filter(|_| step.has_digest());
        if let Some(written) = fit.zip(layer).and_then(|(fit, layer)| fit.source(layer)) {
            let words = std::iter::once(step.instruction.as_str()).chain(written.flags()).chain([written.text()]);
            return words.collect::<Vec<_>>().join(" ");
        }
        match (step.instruction.as_str(), step.command.as_str()) {
            ("", command) => command.to_owned(),
            (instruction, "") => instruction.to_owned(),
            (instruction, command) => format!("{instruction} {command}"),
        }
    }
}
